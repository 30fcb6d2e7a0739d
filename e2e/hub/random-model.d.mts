/** Sizes of a model. */
export interface Size {
  /** Rows of the word table. */
  readonly vocabulary: number;
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly intermediate: number;
  /** `max_position_embeddings`: of l-v2.0 the rows of a table. */
  readonly positions: number;
}

/** The layouts: `gte` is that of m-v2.0, `xlm-roberta` that of l-v2.0. */
export type Family = 'gte' | 'xlm-roberta';

/** The sizes that were published, and small ones for tests of what goes wrong. */
export const SIZES: Readonly<Record<Family, Readonly<Record<'full' | 'small', Size>>>>;

/** A file of which any range is made when it is asked for. */
export interface HubFile {
  /** Bytes. */
  readonly size: number;
  /** Whether the hub keeps it beside the repository, and answers with a redirect. */
  readonly large: boolean;
  /** The content type. */
  readonly type: string;
  /** A text that differs between any two files that differ. */
  readonly identity: string;
  /**
   * Bytes `start` … `end`. Default: all of them.
   *
   * @throws RangeError where they are not within the file.
   */
  bytesOf(start?: number, end?: number): Uint8Array;
  /** What the file becomes when it is changed on the server. */
  next?(): HubFile;
}

/** A tensor of random numbers, uniform in `offset` ± `scale`. */
export interface RandomTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly seed: number;
  readonly scale: number;
  readonly offset: number;
}

/** A model in the layout of a published one, with seeded random weights. Nothing of it is stored. */
export interface RandomModel {
  readonly family: Family;
  readonly size: Size;
  /** The contents of config.json. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The tensors in the order of their definition. */
  readonly tensors: readonly RandomTensor[];
  /** What the hub calls this version: 40 hexadecimal digits. */
  readonly commit: string;
  /** The files by their paths in the repository. */
  readonly files: ReadonlyMap<string, HubFile>;
  /**
   * The SHA-256 of a file in hexadecimal digits. The first call makes all of the file.
   *
   * @throws RangeError for a file that the model has not.
   */
  sha256Of(path: string): Promise<string>;
}

/** What model to make. */
export interface RandomModelOptions {
  /** The layout: that of m-v2.0, or of l-v2.0. */
  readonly family: Family;
  /** As published; small; or sizes that differ from those of the small one. Default: full. */
  readonly size?: 'full' | 'small' | Partial<Size>;
  /** Of the weights. Default: 1. */
  readonly seed?: number;
  /** What the hub calls this version: 40 hexadecimal digits. Default: a hash of the other options. */
  readonly commit?: string;
}

/** A model with random weights: the same for the same options. */
export function randomModel(options: RandomModelOptions): RandomModel;
