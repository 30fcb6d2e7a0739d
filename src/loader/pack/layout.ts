import { Q4, Q8 } from '../../encoder/block-codes.ts';
import type { EncoderConfig } from '../../encoder/config.ts';
import { allParts, type Part, partsOf, precisionOf } from '../../encoder/parts.ts';
import { codedShape, type StoredForm, scalesOf } from '../../encoder/stored-form.ts';
import type { Precision } from '../../types.ts';
import { BYTES_PER_ELEMENT, type WeightType } from '../dtype.ts';
import type { TensorInfo } from '../safetensors.ts';

/** Most bytes of a file of a pack: what servers, caches and phones take without a word. */
export const SHARD_BYTES = 64 * 2 ** 20;

/** A safetensors file of a pack: its header, and how long it will be. */
export interface PackFile {
  readonly name: string;
  readonly header: Uint8Array;
  readonly size: number;
  readonly tensors: readonly TensorInfo[];
}

/** A part of the word table: one tensor in one file, from its data on. */
export interface WordShard extends PackFile {
  readonly firstRow: number;
  readonly rows: number;
  /** Byte of the file where its first row begins. */
  readonly start: number;
}

/** Where everything in a pack is: known before there is any of it. */
export interface PackLayout {
  readonly layers: readonly PackFile[];
  readonly words: readonly WordShard[];
  /** Bytes of a row of the word table. */
  readonly rowBytes: number;
}

/** The form in which a pack of a precision keeps tensors of a part. */
export function packedForm({ role }: Part, precision: Precision): StoredForm {
  const kept = precisionOf(role, precision);
  if (kept === 'f32' || kept === 'f16')
    return { kind: 'numbers', dtype: kept === 'f32' ? 'F32' : 'F16', transposed: false };
  const format = kept === 'q8' ? Q8 : Q4;
  return role === 'words' ? { kind: 'rows', bits: format.bits } : { kind: 'blocks', format };
}

/** Lays out a pack. */
export function packLayout(config: EncoderConfig, precision: Precision): PackLayout {
  const parts = partsOf(config);
  const layers = allParts({ ...parts, words: { ...parts.words, tensors: [] } });
  const tensors = layers.flatMap((part) => part.tensors.flatMap((name) => tensorsOf(name, part, precision)));
  const form = packedForm(parts.words, precision);
  const [, columns] = codedShape(form, parts.words.shape);
  const dtype = form.kind === 'numbers' ? form.dtype : 'U8';
  const rowBytes = columns * BYTES_PER_ELEMENT[dtype];
  return {
    layers: named('layers', shardsOf(tensors)),
    words: wordShards(config.vocabularySize, parts.words.tensors[0], dtype, columns, rowBytes),
    rowBytes,
  };
}

/** A tensor before it has a place. */
interface Unplaced {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
}

function tensorsOf(name: string, part: Part, precision: Precision): Unplaced[] {
  const form = packedForm(part, precision);
  if (form.kind !== 'blocks')
    return [{ name, dtype: (form as { dtype: WeightType }).dtype, shape: part.shape }];
  const [rows, columns] = part.shape;
  const { bits, block } = form.format;
  return [
    { name, dtype: bits === 8 ? 'I8' : 'U8', shape: codedShape(form, part.shape) },
    { name: scalesOf(name), dtype: 'BF16', shape: [rows, Math.ceil(columns / block)] },
  ];
}

/** Tensors in their order, as many in a file as it takes. */
function shardsOf(tensors: readonly Unplaced[]): Unplaced[][] {
  const shards: Unplaced[][] = [];
  let filled = Number.POSITIVE_INFINITY;
  for (const tensor of tensors) {
    const bytes = bytesOf(tensor);
    if (filled + bytes > SHARD_BYTES - HEADER_ROOM) {
      shards.push([]);
      filled = 0;
    }
    shards.at(-1)!.push(tensor);
    filled += bytes;
  }
  return shards;
}

/** What a header may take of a file's bytes. */
const HEADER_ROOM = 2 ** 18;

function wordShards(
  rows: number,
  name: string,
  dtype: string,
  columns: number,
  rowBytes: number,
): WordShard[] {
  const most = Math.floor((SHARD_BYTES - HEADER_ROOM) / rowBytes);
  const count = Math.ceil(rows / most);
  const firsts = Array.from({ length: count }, (_, i) => i * most);
  const heights = firsts.map((first) => Math.min(most, rows - first));
  const files = named(
    'words',
    heights.map((height) => [{ name, dtype, shape: [height, columns] }]),
  );
  return files.map((file, i) => ({
    ...file,
    firstRow: firsts[i],
    rows: heights[i],
    start: file.tensors[0].start,
  }));
}

function named(kind: string, shards: readonly (readonly Unplaced[])[]): PackFile[] {
  const number = (n: number) => String(n).padStart(5, '0');
  return shards.map((tensors, i) =>
    placed(`${kind}-${number(i + 1)}-of-${number(shards.length)}.safetensors`, tensors),
  );
}

/** Puts tensors end to end behind their header. */
function placed(file: string, unplaced: readonly Unplaced[]): PackFile {
  let end = 0;
  const offsets = unplaced.map((tensor) => {
    const start = end;
    end += bytesOf(tensor);
    return [start, end] as const;
  });
  const entries = unplaced.map(({ name, dtype, shape }, i) => [
    name,
    { dtype, shape, data_offsets: offsets[i] },
  ]);
  const json = JSON.stringify(Object.fromEntries(entries));
  // Spaces bring the data to a multiple of 8 bytes.
  const text = new TextEncoder().encode(json.padEnd(Math.ceil(json.length / 8) * 8));
  const header = new Uint8Array(8 + text.length);
  new DataView(header.buffer).setUint32(0, text.length, true);
  header.set(text, 8);
  const tensors = unplaced.map((tensor, i) => ({
    ...tensor,
    file,
    start: header.length + offsets[i][0],
    end: header.length + offsets[i][1],
  }));
  return { name: file, header, size: header.length + end, tensors };
}

function bytesOf({ dtype, shape }: Unplaced): number {
  return shape.reduce((product, size) => product * size, BYTES_PER_ELEMENT[dtype]);
}
