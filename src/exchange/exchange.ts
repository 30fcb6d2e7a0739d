/** Fields of a document, as the index keeps them: strings, numbers, booleans, dates, lists of strings; anything else is kept too. */
export type ExchangeMetadata = Readonly<Record<string, unknown>>;

/** A passage of a document, with what belongs to it: the unit in which indexes come and go. */
export interface ExchangeRow {
  /** Id of the document: not empty. */
  readonly id: string;
  /** Number of the passage within its document, from 0. A document without passages has one row, which has no vector. */
  readonly passage: number;
  /** UTF-16 range of the passage in the document's text. */
  readonly start: number;
  readonly end: number;
  /** Text of the passage. */
  readonly text: string;
  /** Text of the whole document, with its passage 0 only. */
  readonly document?: string;
  /** Of the document; the same with all its passages. */
  readonly metadata?: ExchangeMetadata;
  /** `[dimensions]`; nothing where the passage is still to be embedded. */
  readonly vector?: Float32Array;
}

/** What a file says of all its rows. */
export interface ExchangeHeader {
  /** Id of the space of the vectors. */
  readonly space: string;
  /** Length of the vectors. */
  readonly dimensions: number;
  /** Most tokens of a passage. */
  readonly passageTokens?: number;
  /** Name of the model. */
  readonly model?: string;
}

/** Type of a metadata column. `date`: milliseconds, UTC. `tags`: lists of strings. */
export type ColumnType = 'string' | 'number' | 'boolean' | 'date' | 'tags';

/** How to write. */
export interface WriteOptions {
  /**
   * Metadata fields that get a column of their own, for filters elsewhere. Default: found in the first rows. A value of another type is null
   * there. All metadata is in the column `metadata` as JSON besides.
   */
  columns?: Readonly<Record<string, ColumnType>>;
}

/** What columns of files from elsewhere are called. */
export interface ForeignColumns {
  /** Ids: strings or whole numbers. Default: `id`. */
  id?: string;
  /** Texts. Default: `text`. */
  text?: string;
  /** Vectors, lists of numbers. Default: `vector` if there is such a column; `null`: none is read. */
  vector?: string | null;
}

/** How to read. */
export interface ReadOptions {
  /**
   * What the columns are called in a file that was not written here; all others become metadata, but those of bytes. Each row is a document of one
   * passage then. A file with the columns of an export is read as one where nothing is given.
   */
  columns?: ForeignColumns;
}

/** An opened file. */
export interface ExchangeFile {
  /** What it says of its rows; nothing if it was not written here. */
  readonly header: ExchangeHeader | undefined;
  /**
   * The rows; they are read while they are asked for.
   *
   * @throws SternaError `corrupt-file`, at the row or group of rows that is not as it should be.
   */
  readonly rows: AsyncIterable<ExchangeRow>;
}

/** Rows to be written, one after another: those of a document together, in the order of its passages. */
export type ExchangeRows = Iterable<ExchangeRow> | AsyncIterable<ExchangeRow>;
