import { SternaError } from '../../errors.ts';
import { BYTES_PER_ELEMENT, type WeightType } from '../dtype.ts';
import type { IncomingTensor } from '../incoming.ts';
import { externalRange } from './external.ts';
import { damaged, notUnderstood } from './refusals.ts';
import type { Source } from './weight-matcher.ts';
import { type Field, type Wire, WireType } from './wire.ts';

/** Fields of TensorProto. */
const TENSOR = { dims: 1, type: 2, floats: 4, integers: 5, name: 8, raw: 9, external: 13, location: 14 };
/** Fields of the StringStringEntryProto that says where external data are. */
const ENTRY = { key: 1, value: 2 };

const EXTERNAL = 1;
const MOST_DIMS = 16;
const MOST_ENTRIES = 16;

/** TensorProto.DataType, by number. */
const TYPE_NAMES =
  'UNDEFINED FLOAT UINT8 INT8 UINT16 INT16 INT32 INT64 STRING BOOL FLOAT16 DOUBLE UINT32 UINT64 COMPLEX64 COMPLEX128 BFLOAT16'.split(
    ' ',
  );
const WEIGHT_TYPES: Readonly<Record<string, WeightType>> = { FLOAT: 'F32', FLOAT16: 'F16', BFLOAT16: 'BF16' };

/** A TensorProto as far as it has been read. Its numbers stay where they are. */
export class Initialiser {
  name = '';
  /** TensorProto.DataType, 0 until it is known. */
  private type = 0;
  private readonly dims: number[] = [];
  /** The field that holds the numbers. */
  private data: Field | undefined;
  private isExternal = false;
  private readonly external = new Map<string, string>();

  /** @param file - for messages, and the one whose folder external data are in. */
  constructor(private readonly file: string) {}

  /**
   * Takes in a field, but for the numbers themselves.
   *
   * @throws SternaError `corrupt-file`, `unsupported-model`.
   */
  async take(wire: Wire, field: Field): Promise<void> {
    switch (field.number) {
      case TENSOR.dims:
        await wire.integers(field, this.dims, MOST_DIMS + 1);
        return this.checkDims();
      case TENSOR.type:
        this.type = field.value;
        return;
      case TENSOR.name:
        this.name = await wire.string(field);
        return;
      case TENSOR.location:
        this.isExternal = field.value === EXTERNAL;
        return;
      case TENSOR.external:
        return this.takeEntry(wire, field);
      case TENSOR.floats:
      case TENSOR.integers:
      case TENSOR.raw:
        this.takeData(field);
    }
  }

  /** Whether a field holds the numbers, and all is known that is needed to read them: nothing more has to come. */
  hasNumbersIn(field: Field, rank: number): boolean {
    const isFull = field.end > field.start;
    return isFull && this.data === field && !this.isExternal && this.type > 0 && this.dims.length === rank;
  }

  /**
   * The weight that this is.
   *
   * @param shape - of the weight in the checkpoint.
   * @throws SternaError `tensor-shape`; `unsupported-model` for a type or a form of numbers that are not read; `corrupt-file`.
   */
  asWeight({ weight, transposed }: Source, shape: readonly number[]): IncomingTensor {
    const dtype = this.weightType(weight);
    const stored = transposed ? shape.toReversed() : shape;
    if (stored.join() !== this.dims.join()) {
      throw new SternaError(
        'tensor-shape',
        `${this.file}: initialiser ${this.name}, which is ${weight}, has shape [${this.dims.join(', ')}]; needed: [${stored.join(', ')}]. The file and config.json belong to different models.`,
      );
    }
    const bytes = product(this.dims) * BYTES_PER_ELEMENT[dtype];
    const range = this.isExternal
      ? externalRange(this.file, this.name, this.external, bytes)
      : this.dataRange(dtype, bytes);
    return { name: weight, dtype, shape, transposed, ...range };
  }

  private weightType(weight: string): WeightType {
    const type = TYPE_NAMES[this.type] ?? `of number ${this.type}`;
    const dtype = WEIGHT_TYPES[type];
    if (dtype) return dtype;
    throw notUnderstood(
      this.file,
      `initialiser ${this.name}, which is ${weight}, has the type ${type}; needed: FLOAT, FLOAT16 or BFLOAT16`,
    );
  }

  private dataRange(dtype: WeightType, bytes: number): { file: string; start: number; end: number } {
    const { name, file, data } = this;
    if (!data) throw damaged(file, `initialiser ${name} has no numbers`);
    const { number, type, start, end } = data;
    const isRaw = number === TENSOR.raw || (number === TENSOR.floats && dtype === 'F32');
    if (!isRaw || type !== WireType.bytes)
      throw notUnderstood(
        file,
        `the numbers of initialiser ${name} are not in one piece of ${dtype}; needed: raw_data, or packed float_data`,
      );
    if (end - start !== bytes)
      throw damaged(file, `initialiser ${name} has ${end - start} bytes of numbers; needed: ${bytes}`);
    return { file, start, end };
  }

  /** Numbers in several fields have no number of a field, so that they are refused; an empty field beside a full one is none. */
  private takeData(field: Field): void {
    const isEmpty = ({ type, start, end }: Field) => type === WireType.bytes && start === end;
    if (!this.data || isEmpty(this.data)) this.data = field;
    else if (!isEmpty(field)) this.data = { ...field, number: 0 };
  }

  private checkDims(): void {
    const { dims, file } = this;
    if (dims.length > MOST_DIMS) throw damaged(file, `an initialiser has more than ${MOST_DIMS} dimensions`);
    const wrong = dims.find((size) => !(size >= 0 && Number.isSafeInteger(size)));
    if (wrong !== undefined) throw damaged(file, `a dimension of an initialiser is ${wrong}`);
    // So that its bytes can be counted exactly.
    if (product(dims) > Number.MAX_SAFE_INTEGER / 16)
      throw damaged(file, `an initialiser has the dimensions [${dims.join(', ')}], more than any file holds`);
  }

  private async takeEntry(wire: Wire, { end }: Field): Promise<void> {
    let [key, value] = ['', ''];
    while (wire.position < end) {
      const field = await wire.field(end);
      if (field.number === ENTRY.key) key = await wire.string(field);
      else if (field.number === ENTRY.value) value = await wire.string(field);
      await wire.skipTo(field.end);
    }
    this.external.set(key, value);
    if (this.external.size > MOST_ENTRIES)
      throw damaged(this.file, `an initialiser has more than ${MOST_ENTRIES} entries about external data`);
  }
}

function product(dims: readonly number[]): number {
  return dims.reduce((total, size) => total * size, 1);
}
