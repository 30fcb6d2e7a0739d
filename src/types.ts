/** Token ids of one text, special tokens included (`<s> … </s>`). */
export type TokenIds = Uint32Array | readonly number[];

/** One text, or the token ids of one text, or a list of either. */
export type EmbedInput = string | TokenIds | readonly (string | TokenIds)[];

/**
 * Where the model runs.
 *
 * - `auto`: WebGPU or WebAssembly, whichever is measured to be faster at load; a software adapter does not take part.
 * - `webgpu`: a GPU, or a software adapter.
 * - `wasm`: SIMD on the processor, on several threads where the page is cross-origin isolated.
 * - `reference`: plain TypeScript, with sums in float64: for tests, and wherever there is nothing else.
 */
export type Device = 'auto' | 'webgpu' | 'wasm' | 'reference';

/**
 * Number type of the weights. Sums, norms, softmax and the residual stream are float32 in all of them.
 *
 * - `f32`: on every device; the reference's numbers to 1 − cosine ≤ 1e-9.
 * - `f16`: on `webgpu` where the GPU has it; half the memory, cosine ≥ 0.99999.
 * - `q8`: on `webgpu` and `wasm`; 8 bits with a scale for each 64 weights. On `wasm` features have 8 bits as well, and it is three
 *   times as fast.
 * - `q4`: on `webgpu`; the feed-forward network in 4 bits with a scale for each 32 weights, attention as in `q8`. `wasm` takes it, too, and
 *   computes in 8 bits.
 */
export type Precision = 'f32' | 'f16' | 'q8' | 'q4';

/** What a text is for. A query takes the model's query prefix, a document its document prefix (usually none). */
export type Task = 'query' | 'document';

/** Who waits for a call: somebody who looks at the screen, or nobody. */
export type Priority = 'interactive' | 'background';

/**
 * The number type of returned vectors; cosine is scale-free, so all of them can be compared as they are.
 *
 * - `float32`: unit length.
 * - `int8`: `Int8Array`, `round(127 · x / max|x|)`; multiply by `scale` to get the float back.
 * - `int4`: `Uint8Array`, two dimensions a byte (the even one in the low half), two's complement in −7 … 7; `scale` as above.
 * - `binary`: `Uint8Array`, one bit a dimension, set where x > 0, most significant bit first.
 */
export type Output = 'float32' | 'int8' | 'int4' | 'binary';

/** The typed array of each {@link Output}. */
export interface OutputArrays {
  float32: Float32Array;
  int8: Int8Array;
  int4: Uint8Array;
  binary: Uint8Array;
}

/**
 * What makes vectors comparable: two vectors may be compared if and only if their spaces have the same `id`.
 * The id is readable: `nano@7c0f3a91d2e4b865/256`.
 */
export interface EmbeddingSpace {
  readonly id: string;
  /** Name of the model, from its folder or address. For people; it is part of the id. */
  readonly model: string;
  /** Fingerprint of the weights, the tokenizer and the prefixes: 16 hexadecimal digits. */
  readonly revision: string;
  /** Length of the vectors. */
  readonly dimensions: number;
}

/** One vector. */
export interface Embedding<O extends Output = 'float32'> {
  /** `[dimensions]`; all vectors of one call are views of one buffer. */
  readonly values: OutputArrays[O];
  /** float ≈ integer × scale, for `int8` and `int4`; 1 for `float32` and `binary`. */
  readonly scale: number;
  /** Tokens the model read, prefix and special tokens included. */
  readonly tokenCount: number;
  /** Whether the text was longer than the model takes and was cut at its end. */
  readonly truncated: boolean;
}

/** What {@link Embedder.embed} returns: one embedding per input, in input order. */
export interface EmbedResult<O extends Output = 'float32'> {
  readonly embeddings: readonly Embedding<O>[];
  readonly space: EmbeddingSpace;
}

/** The tokens of a text. */
export interface TokenizedText {
  /** `[tokens]`, without special tokens. */
  readonly ids: Uint32Array;
  /** `[tokens, 2]` UTF-16 ranges in the text; a token that came from no character has an empty one. */
  readonly offsets: Uint32Array;
}

/** What {@link Embedder.tokenize} returns. */
export interface TokenizedTexts {
  /** Id of the token for unknown characters. */
  readonly unknownId: number;
  /** One for each text. */
  readonly texts: readonly TokenizedText[];
}

/** How to embed. */
export interface EmbedOptions<O extends Output = 'float32'> {
  /** What the texts are for. Default: `document`. Token ids are taken as they are, whatever the task. */
  task?: Task;
  /**
   * Length of the returned vectors: the model's full size (default) or one that it was trained to be cut to.
   * The pooled vector is cut first and normalised then.
   */
  dimensions?: number;
  /** Accept any `dimensions` from 1 to the model's full size. Default: false. */
  allowUntrainedDimensions?: boolean;
  /** Number type of the vectors. Default: `float32`. */
  output?: O;
  /** What to do with a text longer than `maxTokens`: cut its end (default), or throw `text-too-long`. */
  truncate?: 'end' | 'error';
  /**
   * Whether `</s>` or `<mask>` written in a text means the special token, as in the reference tokenizer
   * (`parse`, the default), or just these characters (`text`; right for text that strangers wrote).
   */
  specialTokens?: 'parse' | 'text';
  /**
   * Which call goes first where several wait: between any two micro-batches, `interactive` ones (default) come before
   * `background` ones.
   */
  priority?: Priority;
  /** Stops the work between micro-batches; the promise rejects with the signal's reason, an `AbortError`. */
  signal?: AbortSignal;
  /** Called after each micro-batch with the number of texts done. */
  onProgress?: (progress: { done: number; total: number }) => void;
}

/**
 * The steps of a load. Kernels are compiled while the model is downloaded; the others follow each other. In the check, the device runs a layer of the model on known inputs, and must give the
 * reference's numbers. A device that does not is left for the next one where `device` is `auto`, and refused otherwise.
 */
export type LoadPhase = 'download' | 'verify' | 'compile' | 'check' | 'upload' | 'ready';

/** One step forward in a load. */
export interface LoadProgress {
  readonly phase: LoadPhase;
  /** What is being worked on: a file name, or the device. */
  readonly item: string;
  /** Bytes done (download, verify, upload) or pipelines (compile). */
  readonly loaded: number;
  /** Of how many; 0 where it is not known. */
  readonly total: number;
}

/**
 * Where a model is:
 *
 * - `'nano'`: the small model that comes with the package;
 * - a repository of the Hugging Face hub, such as `'Snowflake/snowflake-arctic-embed-m-v2.0'`, or for short `'arctic-m-v2'` or `'arctic-l-v2'`;
 * - an address of a folder with a pack, or with config.json, tokenizer.json and model.safetensors; one that is relative to the page begins with
 *   a dot or a slash, or ends with one; in Node a path;
 * - a directory handle, a list of files, or a record of file name → address or Blob.
 */
export type ModelSource =
  | string
  | URL
  | FileSystemDirectoryHandle
  | readonly File[]
  | Readonly<Record<string, string | URL | Blob>>;

/** How to load. */
export interface EmbedderOptions {
  /** Where the model is. Default: `'nano'`. */
  model?: ModelSource;
  /** Where it runs. Default: `'auto'`. */
  device?: Device;
  /** Stops the load; the promise rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Told of every step of the load. */
  onProgress?: (progress: LoadProgress) => void;
  /** A running worker that imports `sterna/worker`. It is terminated by `dispose()`. */
  worker?: Worker;
  /**
   * Whether all tabs of the origin that ask for the same model and settings have one engine together: the worker of one of
   * them, which another one replaces when that tab goes. Calls under way are made again then, and their callers notice
   * nothing but time. Needs a model behind addresses, and `workerFactory` instead of `worker`. A browser without Web Locks or
   * BroadcastChannel gives each tab an engine of its own. Default: false.
   */
  shared?: boolean;
  /** Makes the worker, where the default `new Worker(new URL('./worker.js', import.meta.url))` is not to be used. */
  workerFactory?: () => Worker;
  /**
   * Number type of the weights. Default: `'auto'` for a repository, that of a pack for a pack, and else `'f32'`. `'auto'` takes the fast one of the device, f16 on `webgpu` and q8 on `wasm`, and
   * steps to f32 where that computes wrong numbers.
   */
  precision?: Precision | 'auto';
  /**
   * Threads of device `wasm`. Default: as many as the processor has, up to 8. More than one need a page that is
   * cross-origin isolated.
   */
  threads?: number;
  /** Which version of a repository: a branch, a tag or a commit. Default: the commit that this version of Sterna knows, else `main`. */
  revision?: string;
  /** A mirror of the hub, in place of `https://huggingface.co/`. */
  baseUrl?: string | URL;
  /** Fetches in place of the browser's `fetch`, for models behind addresses: to add headers, say. It is called with an address and `headers`. */
  fetch?: (address: string, init: { method: string; headers: Record<string, string> }) => Promise<Response>;
  /**
   * How much of a model behind an address is kept in the browser for later visits: `'all'` (default), so that it works without a
   * connection; `'needed'`: what was needed so far, where a pack is read in parts; or `'nothing'`.
   */
  keep?: 'all' | 'needed' | 'nothing';
  /**
   * What to do where a model does not give the vectors that are known of it: refuse it with `wrong-vectors` (default), or say so in
   * `report.notes`.
   */
  golden?: 'refuse' | 'warn';
  /** Most tokens of a micro-batch: between two, calls are aborted and progress is told. Default: 2048. */
  batchTokens?: number;
}

/** What it takes to load a model, in bytes. */
export interface ModelEstimate {
  /** Number type that the weights will be kept in. */
  readonly precision: Precision;
  /** What is still to be downloaded: 0 where all of it is kept. */
  readonly download: number;
  /** How much of that before the first vector. */
  readonly first: number;
  /** All of it in the browser's storage. */
  readonly disk: number;
  /** The layers on the device. */
  readonly backend: number;
  /** What this site may store besides what it has. */
  readonly free: number;
  /** Whether there is room for it; otherwise it is held in memory, and downloaded anew at each visit. */
  readonly fits: boolean;
}

/** What was loaded, and where it runs. */
export interface EmbedderReport {
  /** Name of the model. */
  readonly model: string;
  readonly family: 'xlm-roberta' | 'gte';
  /** Transformer layers. */
  readonly layers: number;
  /** Full length of a vector. */
  readonly dimensions: number;
  /** Lengths that the model was trained for, longest first. */
  readonly trainedDimensions: readonly number[];
  /** Longest input in tokens, special tokens included. */
  readonly maxTokens: number;
  /** What is put before a text, per task. */
  readonly prompts: Readonly<Record<Task, string>>;
  readonly device: Exclude<Device, 'auto'>;
  /** What exactly it runs on, such as `nvidia ampere` or `relaxed SIMD, 4 threads`; empty on the reference. */
  readonly adapter: string;
  /** Number type of the weights. */
  readonly precision: Precision;
  /** Largest 1 − cosine to the reference in the check at load; 0 on the reference. */
  readonly deviation: number;
  /** Why this device, and anything else worth knowing. */
  readonly notes: readonly string[];
}
