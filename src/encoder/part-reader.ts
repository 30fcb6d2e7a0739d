import type { Checkpoint } from '../loader/checkpoint.ts';
import { type NumberReader, numberReader, type WeightType } from '../loader/dtype.ts';
import { checkFinite, notFinite } from '../loader/finite.ts';
import type { TensorInfo } from '../loader/safetensors.ts';
import { release } from '../release.ts';
import { type BlockCodes, type BlockFormat, inFloats, type MatrixData } from './block-codes.ts';
import { codesOfBytes, codesOfRow, scalesOfBytes } from './code-bytes.ts';
import type { RowTable } from './embeddings.ts';
import { type Part, prefixOf } from './parts.ts';
import { type AddRow, heldTable, isPaged, PagedTable } from './row-table.ts';
import { formOf, ROW_SCALE_BYTES, type StoredForm, scalesOf } from './stored-form.ts';
import { transpose } from './transpose.ts';

/** How to load weights. */
export interface LoadWeightsOptions {
  readonly signal?: AbortSignal;
  /** Told of the bytes that were read and handed on. */
  readonly onProgress?: (loaded: number, total: number) => void;
}

/** Reads parts of a model, keeping count and watching for numbers that are none. */
export class PartReader {
  private readonly prefix: string;
  private readonly total: number;
  private loaded = 0;

  /** @param all - what will be read, for the count. */
  constructor(
    private readonly checkpoint: Checkpoint,
    all: readonly Part[],
    private readonly options: LoadWeightsOptions,
  ) {
    this.prefix = prefixOf(checkpoint.tensors);
    this.total = all
      .flatMap((part) => part.tensors.map((name) => (this.comesLater(part) ? 0 : this.bytesOf(name))))
      .reduce((sum, bytes) => sum + bytes, 0);
  }

  /** All numbers of a part as float32, `[rows · columns]`. */
  async floats(part: Part): Promise<Float32Array> {
    return inFloats(await this.matrix(part));
  }

  /** A part as float32, or in blocks where it is stored in them. */
  async matrix(part: Part): Promise<MatrixData> {
    const { tensors, rows, columns } = part;
    const forms = tensors.map((name) => formOf(this.checkpoint.tensors, this.prefix + name, part));
    const format = commonFormat(forms);
    if (format) return this.blocks(part, format);
    const values = new Float32Array(rows * columns);
    const size = values.length / tensors.length;
    for (const [i, name] of tensors.entries()) {
      const target = values.subarray(i * size, (i + 1) * size);
      await this.floatsInto(target, name, forms[i], size / columns, columns);
    }
    return values;
  }

  /** A table whose rows are read one by one, in the form it is stored in. */
  async table(part: Part): Promise<RowTable> {
    const { tensors, rows, columns } = part;
    const name = this.prefix + tensors[0];
    const form = formOf(this.checkpoint.tensors, name, part);
    const tensor = this.checkpoint.tensors.get(name)!;
    const later = this.comesLater(part);
    const source = {
      rows,
      columns,
      rowBytes: (tensor.end - tensor.start) / rows,
      read: async (first: number, end: number) => {
        const bytes = await this.checkpoint.readRows(name, first, end);
        if (!later) this.count(bytes);
        return bytes;
      },
      open: (bytes: Uint8Array, first: number) => openRows(bytes, form, columns, tensor, first),
    };
    return later ? new PagedTable(source) : heldTable(source);
  }

  private async floatsInto(
    target: Float32Array,
    name: string,
    form: StoredForm,
    rows: number,
    columns: number,
  ): Promise<void> {
    if (form.kind === 'blocks') {
      target.set(inFloats(await this.blocksOf(name, form.format, columns)));
      return;
    }
    const numbers = await this.numbers(name);
    const isTransposed = form.kind === 'numbers' && form.transposed;
    const values = isTransposed ? new Float32Array(target.length) : target;
    numbers.copy(0, numbers.length, values, 0);
    if (isTransposed) transpose(values, target, columns, rows);
  }

  private async blocks(part: Part, format: BlockFormat): Promise<BlockCodes> {
    const { tensors, rows, columns } = part;
    const all: BlockCodes[] = [];
    for (const name of tensors) all.push(await this.blocksOf(name, format, columns));
    if (all.length === 1) return all[0];
    const codes = new Int8Array(rows * columns);
    const scales = new Float32Array(rows * all[0].blocks);
    for (const [i, one] of all.entries()) {
      codes.set(one.codes, i * one.codes.length);
      scales.set(one.scales, i * one.scales.length);
      release(one.codes);
    }
    return { format, codes, scales, blocks: all[0].blocks };
  }

  private async blocksOf(name: string, format: BlockFormat, columns: number): Promise<BlockCodes> {
    const scaleTensor = this.checkpoint.tensors.get(this.prefix + scalesOf(name))!;
    const bytes = await this.read(name);
    const codes = codesOfBytes(bytes, format.bits);
    if (format.bits === 4) release(bytes);
    const scales = scalesOfBytes(await this.read(scalesOf(name)));
    const wrong = scales.findIndex((scale) => !Number.isFinite(scale));
    if (wrong >= 0) throw notFinite(scaleTensor, scales[wrong], wrong);
    return { format, codes, scales, blocks: Math.ceil(columns / format.block) };
  }

  /** All numbers of a tensor, each of them finite. */
  private async numbers(name: string): Promise<NumberReader> {
    const tensor = this.checkpoint.tensors.get(this.prefix + name)!;
    return finiteNumbers(await this.read(name), tensor, 0);
  }

  private async read(name: string): Promise<Uint8Array> {
    this.options.signal?.throwIfAborted();
    const bytes = await this.checkpoint.read(this.prefix + name);
    this.count(bytes);
    return bytes;
  }

  /** Whether a part is read in pages, when they are needed: that of words is, where it is large or far away. */
  private comesLater({ role, tensors }: Part): boolean {
    return role === 'words' && (this.checkpoint.onDemand || isPaged(this.bytesOf(tensors[0])));
  }

  private count({ length }: Uint8Array): void {
    this.loaded += length;
    this.options.onProgress?.(this.loaded, this.total);
  }

  /** Stored bytes of a tensor, with its scales. */
  private bytesOf(name: string): number {
    return [name, scalesOf(name)]
      .map((one) => this.checkpoint.tensors.get(this.prefix + one))
      .reduce((sum, tensor) => sum + (tensor ? tensor.end - tensor.start : 0), 0);
  }
}

/** The format of blocks that all tensors of a part are in. */
function commonFormat(forms: readonly StoredForm[]): BlockFormat | undefined {
  const [first] = forms;
  if (first.kind !== 'blocks') return undefined;
  return forms.every((form) => form.kind === 'blocks' && form.format === first.format)
    ? first.format
    : undefined;
}

function openRows(
  bytes: Uint8Array,
  form: StoredForm,
  columns: number,
  tensor: TensorInfo,
  first: number,
): AddRow {
  if (form.kind === 'rows') return openCodedRows(bytes, form.bits, columns, tensor, first);
  const numbers = finiteNumbers(bytes, tensor, first * columns);
  return (row, target, at) => numbers.add(row * columns, columns, target, at);
}

function openCodedRows(
  bytes: Uint8Array,
  bits: 4 | 8,
  columns: number,
  tensor: TensorInfo,
  first: number,
): AddRow {
  const rowBytes = ROW_SCALE_BYTES + (columns * bits) / 8;
  const scales = Float32Array.from({ length: bytes.length / rowBytes }, (_, row) => {
    const [scale] = scalesOfBytes(bytes.slice(row * rowBytes, row * rowBytes + ROW_SCALE_BYTES));
    if (!Number.isFinite(scale)) throw notFinite(tensor, scale, (first + row) * rowBytes);
    return scale;
  });
  const codes = new Int8Array(columns);
  return (row, target, at) => {
    const begin = row * rowBytes + ROW_SCALE_BYTES;
    codesOfRow(bytes, begin, bits, codes);
    const scale = scales[row];
    for (let i = 0; i < columns; i++) target[at + i] += codes[i] * scale;
  };
}

function finiteNumbers(bytes: Uint8Array, tensor: TensorInfo, first: number): NumberReader {
  const numbers = numberReader(bytes, tensor.dtype as WeightType);
  checkFinite(numbers, tensor, first);
  return numbers;
}
