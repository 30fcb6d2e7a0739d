import { COLUMNS } from './columns.ts';
import type {
  ExchangeHeader,
  ExchangeMetadata,
  ExchangeRow,
  ForeignColumns,
  ReadOptions,
} from './exchange.ts';
import { MOST_DIMENSIONS } from './header.ts';
import { parseMetadata } from './metadata-json.ts';
import { corrupt, invalid } from './refusals.ts';

/** Values of a column of some rows: strings, numbers, big integers, booleans, dates, lists of these, objects; null or nothing where there is none. */
export type Cells = ArrayLike<unknown>;

/** Makes rows of the columns of a file. */
export interface RowMaker {
  /** Columns that it needs. */
  readonly columns: readonly string[];
  /**
   * The rows of a group.
   *
   * @param cells - those of each needed column; all have `count` values.
   * @throws SternaError `corrupt-file`.
   */
  rows(cells: ReadonlyMap<string, Cells>, count: number): Generator<ExchangeRow>;
}

/**
 * A maker for a file with these columns.
 *
 * @param what - the kind of file, for messages.
 * @throws SternaError `invalid-input` for a column that is not there.
 */
export function rowMaker(
  what: string,
  names: readonly string[],
  header: ExchangeHeader | undefined,
  { columns }: ReadOptions,
): RowMaker {
  const isExport = COLUMNS.every((name) => names.includes(name));
  if (!columns && isExport) return new ExportRows(what, header);
  if (!columns && header) throw corrupt(what, `it is an export without its columns ${COLUMNS.join(', ')}`);
  return new ForeignRows(what, names, columns ?? {});
}

/** Checks vectors one after another. */
class VectorCheck {
  constructor(
    private readonly what: string,
    private dimensions?: number,
  ) {}

  /** The vector of a cell; the first one says how long the others must be where nothing else does. */
  vector(value: unknown, id: string): Float32Array | undefined {
    if (value === null || value === undefined) return undefined;
    if (!isList(value)) throw corrupt(this.what, `the vector of "${id}" is no list of numbers`);
    this.dimensions ??= value.length;
    if (value.length !== this.dimensions || value.length === 0 || value.length > MOST_DIMENSIONS) {
      throw corrupt(
        this.what,
        `a vector of "${id}" has ${value.length} dimensions; needed: ${this.dimensions || `1 to ${MOST_DIMENSIONS}`}`,
      );
    }
    const vector = new Float32Array(value.length);
    for (let i = 0; i < vector.length; i++) {
      const x = value[i];
      if (typeof x !== 'number' || !Number.isFinite(x))
        throw corrupt(this.what, `dimension ${i} of a vector of "${id}" is ${x}; needed: finite numbers`);
      vector[i] = x;
    }
    return vector;
  }
}

/** Rows as an export has them. */
class ExportRows implements RowMaker {
  readonly columns = COLUMNS;
  private readonly vectors: VectorCheck;
  /** The last metadata, since passages of a document have the same. */
  private json: string | undefined;
  private metadata: ExchangeMetadata | undefined;

  constructor(
    private readonly what: string,
    header?: ExchangeHeader,
  ) {
    this.vectors = new VectorCheck(what, header?.dimensions);
  }

  *rows(cells: ReadonlyMap<string, Cells>, count: number): Generator<ExchangeRow> {
    const [ids, passages, starts, ends, texts, documents, metadata, vectors] = COLUMNS.map(
      (name) => cells.get(name)!,
    );
    for (let i = 0; i < count; i++) {
      const id = this.string('id', ids[i]);
      const passage = this.whole('passage', passages[i]);
      const document = passage === 0 ? this.string('document', documents[i]) : undefined;
      const start = this.whole('start', starts[i]);
      const end = this.whole('end', ends[i]);
      const text = this.string('text', texts[i]);
      if (id === '' || end < start || (document !== undefined && end > document.length))
        throw corrupt(this.what, `passage ${passage} of "${id}" goes from ${start} to ${end}`);
      const vector = this.vectors.vector(vectors[i], id);
      yield { id, passage, start, end, text, document, metadata: this.metadataOf(metadata[i]), vector };
    }
  }

  private metadataOf(value: unknown): ExchangeMetadata | undefined {
    if (value === null || value === undefined) return undefined;
    const json = this.string('metadata', value);
    if (json === this.json) return this.metadata;
    let parsed: unknown;
    try {
      parsed = parseMetadata(json);
    } catch (error) {
      throw corrupt(this.what, 'metadata are not JSON', error);
    }
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
      throw corrupt(this.what, 'metadata are no object');
    this.json = json;
    this.metadata = parsed as ExchangeMetadata;
    return this.metadata;
  }

  private string(column: string, value: unknown): string {
    if (typeof value === 'string') return value;
    throw corrupt(this.what, `column "${column}" has ${kindOf(value)}; needed: strings`);
  }

  private whole(column: string, value: unknown): number {
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
    throw corrupt(this.what, `column "${column}" has ${kindOf(value)}; needed: whole numbers`);
  }
}

/** Rows of a file from elsewhere: a document each. */
class ForeignRows implements RowMaker {
  readonly columns: readonly string[];
  private readonly vectors: VectorCheck;
  private readonly id: string;
  private readonly text: string;
  private readonly vector: string | undefined;
  private readonly fields: readonly string[];

  constructor(
    private readonly what: string,
    names: readonly string[],
    { id = 'id', text = 'text', vector }: ForeignColumns,
  ) {
    const needed = vector ? [id, text, vector] : [id, text];
    for (const name of needed) {
      if (names.includes(name)) continue;
      throw invalid(
        `There is no column "${name}" in the ${what}, but ${names.slice(0, 20).join(', ') || 'none'}; say in \`columns\` which ones to take.`,
      );
    }
    this.id = id;
    this.text = text;
    this.vector = vector ?? (vector === undefined && names.includes('vector') ? 'vector' : undefined);
    this.fields = names.filter((name) => name !== id && name !== text && name !== this.vector);
    this.columns = [...new Set([...needed, ...(this.vector ? [this.vector] : []), ...this.fields])];
    this.vectors = new VectorCheck(what);
  }

  *rows(cells: ReadonlyMap<string, Cells>, count: number): Generator<ExchangeRow> {
    const ids = cells.get(this.id)!;
    const texts = cells.get(this.text)!;
    const vectors = this.vector === undefined ? undefined : cells.get(this.vector);
    for (let i = 0; i < count; i++) {
      const id = this.idOf(ids[i]);
      const text = texts[i] ?? '';
      if (typeof text !== 'string')
        throw corrupt(this.what, `the text of "${id}" is ${kindOf(text)}; needed: a string`);
      yield {
        id,
        passage: 0,
        start: 0,
        end: text.length,
        text,
        document: text,
        metadata: this.metadataOf(cells, i),
        vector: this.vectors.vector(vectors?.[i], id),
      };
    }
  }

  private idOf(value: unknown): string {
    if (typeof value === 'string' && value !== '') return value;
    if (typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value)))
      return String(value);
    throw corrupt(this.what, `an id is ${kindOf(value)}; needed: strings or whole numbers`);
  }

  private metadataOf(cells: ReadonlyMap<string, Cells>, row: number): ExchangeMetadata | undefined {
    const entries: [string, unknown][] = [];
    for (const name of this.fields) {
      const value = plain(cells.get(name)?.[row], 0);
      if (value !== undefined) entries.push([name, value]);
    }
    return entries.length > 0 ? Object.fromEntries(entries) : undefined;
  }
}

/** Deepest nesting of values that is taken. */
const MOST_DEPTH = 32;

/** A value as metadata has it; nothing for null and bytes. Whole numbers too large for a number become strings. */
function plain(value: unknown, depth: number): unknown {
  if (value === null || value === undefined || value instanceof Uint8Array || depth > MOST_DEPTH)
    return undefined;
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value;
  if (typeof value !== 'object') return value;
  if (isList(value)) return Array.from(value, (entry) => plain(entry, depth + 1) ?? null);
  const entries = Object.entries(value).map(([key, entry]) => [key, plain(entry, depth + 1)] as const);
  return Object.fromEntries(entries.filter(([, entry]) => entry !== undefined));
}

function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (typeof value === 'number' || typeof value === 'string') return JSON.stringify(value).slice(0, 40);
  if (value instanceof Uint8Array) return 'bytes that are no text';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}
