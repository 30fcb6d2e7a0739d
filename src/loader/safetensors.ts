import { SternaError } from '../errors.ts';
import { BYTES_PER_ELEMENT } from './dtype.ts';
import { isRecord, type ModelFile, parseJson, quote } from './files.ts';

/** Where a tensor is, as a header says. */
export interface TensorInfo {
  readonly name: string;
  /** The file that holds it. */
  readonly file: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Bytes `start` … `end` of the file. */
  readonly start: number;
  readonly end: number;
  /** Whether its bytes are those of the transposed matrix, `[columns, rows]`, as in ONNX files. */
  readonly transposed?: boolean;
}

/**
 * Far more than any encoder has, a few tens of kilobytes. The format's own reader takes 100 MB, which a million tensors would fill, and
 * which takes a gigabyte of memory to read.
 */
const LONGEST_HEADER = 16 * 2 ** 20;

/**
 * Reads the header of a safetensors file: its length in 8 bytes, then JSON, then the data. Every offset is checked, so
 * that what follows can trust them.
 *
 * @throws SternaError `corrupt-file` that names the file, and the tensor where it is one.
 * @see https://huggingface.co/docs/safetensors
 */
export async function readHeader(file: ModelFile): Promise<TensorInfo[]> {
  const { name, size } = file;
  if (size < 8) throw corrupt(name, `it has ${size} bytes; needed: at least 8. Download it again`);
  const prefix = await file.read(0, 8);
  const view = new DataView(prefix.buffer, prefix.byteOffset, 8);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  if (length > LONGEST_HEADER)
    throw corrupt(name, `its header would have ${length} bytes; it is no safetensors file`);
  if (8 + length > size) {
    throw corrupt(
      name,
      `its header has ${length} bytes and the file ${size}: ${8 + length - size} bytes are missing. Download it again`,
    );
  }
  const json = parseJson(await file.read(8, 8 + length), `${name} (header)`);
  if (!isRecord(json)) throw corrupt(name, 'its header is no JSON object');

  const tensors: TensorInfo[] = [];
  for (const [tensor, entry] of Object.entries(json)) {
    if (tensor !== '__metadata__') tensors.push(readEntry(file, tensor, entry, 8 + length));
  }
  checkLayout(file, tensors, 8 + length);
  return tensors;
}

function readEntry(file: ModelFile, tensor: string, entry: unknown, dataStart: number): TensorInfo {
  const wrong = (words: string) => corrupt(file.name, `tensor ${tensor}: ${words}`);
  if (!isRecord(entry)) throw wrong('its entry in the header is no object');
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== 'string') throw wrong('its entry has no dtype');
  if (!isSizes(shape)) throw wrong(`its shape is ${quote(shape)}; needed: a list of whole numbers`);
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    throw wrong(`its data_offsets are ${quote(offsets)}; needed: start and end`);
  }
  const [start, end] = offsets;
  const bytes = end - start;
  // A type of tomorrow is no error in a tensor that nobody asks for.
  const needed = Object.hasOwn(BYTES_PER_ELEMENT, dtype)
    ? shape.reduce((product, size) => product * size, BYTES_PER_ELEMENT[dtype])
    : bytes;
  if (bytes !== needed) {
    throw wrong(`it has ${bytes} bytes; needed for ${dtype} [${shape.join(', ')}]: ${needed}`);
  }
  return { name: tensor, file: file.name, dtype, shape, start: dataStart + start, end: dataStart + end };
}

/** Tensors lie in the file without gaps, overlaps or anything behind them. */
function checkLayout({ name, size }: ModelFile, tensors: readonly TensorInfo[], dataStart: number): void {
  let expected = dataStart;
  for (const { name: tensor, start, end } of [...tensors].sort(
    (a, b) => a.start - b.start || a.end - b.end,
  )) {
    if (start !== expected) {
      throw corrupt(
        name,
        `tensor ${tensor} starts at byte ${start}; needed: ${expected}, where the one before it ends`,
      );
    }
    expected = end;
  }
  if (expected > size) {
    throw corrupt(
      name,
      `it has ${size} bytes; needed: ${expected}, so ${expected - size} are missing. Download it again`,
    );
  }
  if (expected < size) throw corrupt(name, `it has ${size} bytes and its tensors end at ${expected}`);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function corrupt(file: string, words: string): SternaError {
  return new SternaError('corrupt-file', `${file} is damaged: ${words}.`);
}
