import { type Data, type DataType, Type, Vector } from 'apache-arrow';
import { textOf } from './text.ts';

/** Types whose columns are read; others, such as structures and bytes, are left out. */
export function isReadable(type: DataType, depth = 0): boolean {
  switch (type.typeId) {
    case Type.Utf8:
    case Type.LargeUtf8:
    case Type.Bool:
    case Type.Int:
    case Type.Float:
    case Type.Date:
    case Type.Timestamp:
      return true;
    case Type.Dictionary:
      return depth === 0 && isReadable((type as unknown as { dictionary: DataType }).dictionary, 1);
    case Type.List:
    case Type.FixedSizeList:
      return depth < 2 && isReadable(type.children[0].type, depth + 1);
    default:
      return false;
  }
}

/** Reads value `i` of a column. */
type Reader = (i: number) => unknown;

/**
 * The values of a column of a batch; nothing for null.
 *
 * @throws RangeError where its lengths do not fit its bytes.
 */
export function cellsOf(data: Data): unknown[] {
  const read = reader(data);
  return Array.from({ length: data.length }, (_, i) => read(i));
}

function reader(data: Data): Reader {
  const { length, nullBitmap } = data;
  const read = valueReader(data);
  if (!nullBitmap?.length) return read;
  need(data, nullBitmap.length * 8, length, 'marks of nulls');
  return (i) => (nullBitmap[i >> 3] & (1 << (i & 7)) ? read(i) : undefined);
}

function valueReader(data: Data): Reader {
  const { type, length } = data;
  switch (type.typeId) {
    case Type.Utf8:
    case Type.LargeUtf8:
      return textReader(data);
    case Type.List: {
      const list = listReader(data.children[0]);
      const offsets = offsetsOf(data, data.children[0].length);
      return (i) => list(Number(offsets[i]), Number(offsets[i + 1]));
    }
    case Type.FixedSizeList: {
      const size = (type as unknown as { listSize: number }).listSize;
      if (!(size > 0)) throw new RangeError(`lists have ${size} entries`);
      const [child] = data.children;
      const list = listReader(child);
      // Some writers leave the entries of nulls at the end away.
      return (i) => {
        if ((i + 1) * size <= child.length) return list(i * size, (i + 1) * size);
        throw new RangeError(`lists of ${size} have ${child.length} entries`);
      };
    }
    case Type.Dictionary:
      return dictionaryReader(data);
    default: {
      const bits = type.typeId === Type.Bool ? 8 : 1 / data.stride;
      need(data, lengthOf(data.values) * bits, length, 'values');
      const column = new Vector([data]);
      const isDate = type.typeId === Type.Date || type.typeId === Type.Timestamp;
      return isDate ? (i) => new Date(Number(column.get(i))) : (i) => column.get(i);
    }
  }
}

function textReader(data: Data): Reader {
  const values = (data.values ?? new Uint8Array(0)) as Uint8Array;
  const offsets = offsetsOf(data, values.length);
  return (i) => {
    const bytes = values.subarray(Number(offsets[i]), Number(offsets[i + 1]));
    return textOf(bytes) ?? bytes;
  };
}

function dictionaryReader(data: Data): Reader {
  need(data, lengthOf(data.values), data.length, 'values');
  const entries = entriesOf(data.dictionary);
  const places = data.values as ArrayLike<number | bigint>;
  return (i) => {
    const place = Number(places[i]);
    if (place in entries) return entries[place];
    throw new RangeError(`entry ${place} of a dictionary of ${entries.length}`);
  };
}

/** Entries of dictionaries, which many batches share. */
const entriesByDictionary = new WeakMap<Vector, unknown[]>();

function entriesOf(dictionary: Vector | undefined): unknown[] {
  if (!dictionary) throw new RangeError('a dictionary is missing');
  let entries = entriesByDictionary.get(dictionary);
  if (!entries) {
    entries = dictionary.data.flatMap(cellsOf);
    entriesByDictionary.set(dictionary, entries);
  }
  return entries;
}

/** Reads lists of entries; of floats in place. */
function listReader(child: Data): (from: number, to: number) => ArrayLike<unknown> {
  const read = reader(child);
  const { values } = child;
  const isPlain = values instanceof Float32Array || values instanceof Float64Array;
  if (isPlain && !child.nullBitmap?.length) return (from, to) => values.subarray(from, to);
  return (from, to) => Array.from({ length: to - from }, (_, i) => read(from + i));
}

/** Where texts or lists begin and end, checked: `[length + 1]`, none before the one before it, none after `end`. */
function offsetsOf(data: Data, end: number): ArrayLike<number | bigint> {
  const offsets = (data.valueOffsets ?? []) as ArrayLike<number | bigint>;
  if (data.length === 0) return offsets;
  need(data, offsets.length, data.length + 1, 'places');
  let last = 0;
  for (let i = 0; i <= data.length; i++) {
    const offset = Number(offsets[i]);
    if (!(offset >= last && offset <= end))
      throw new RangeError(`a value begins at ${offset}, after ${last}, of ${end}`);
    last = offset;
  }
  return offsets;
}

function need({ type }: Data, found: number, needed: number, what: string): void {
  if (!(found >= needed)) throw new RangeError(`a column of ${type} has ${found} ${what} of ${needed}`);
}

function lengthOf(values: unknown): number {
  return (values as ArrayLike<unknown> | undefined)?.length ?? 0;
}
