import type { LoadRequest } from '../workers/protocol.ts';
import { vectorViews } from './encoder/output.ts';
import { lanesFor } from './engine/lanes.ts';
import type { EmbeddedTexts, EngineLink, EngineSettings } from './engine/link.ts';
import { precisionToKeep } from './engine/precision-to-keep.ts';
import type { LoadEngine } from './engine/shared-engine.ts';
import { WorkerLink } from './engine/worker-link.ts';
import { SternaError } from './errors.ts';
import { nanoSource } from './loader/nano.ts';
import { repositoryOf } from './loader/repository.ts';
import type { Passage } from './text/chunk.ts';
import type {
  EmbedderOptions,
  EmbedderReport,
  Embedding,
  EmbedInput,
  EmbedOptions,
  EmbedResult,
  ModelEstimate,
  ModelSource,
  Output,
  TokenIds,
  TokenizedTexts,
} from './types.ts';

/** Most tokens of a micro-batch, unless said otherwise. */
const DEFAULT_BATCH_TOKENS = 2048;
/** Upper end of `batchTokens`; a kernel counts tokens in one dimension of workgroups. */
const MOST_BATCH_TOKENS = 32768;
/** Upper end of `threads`; more are of no use to an encoder. */
const MOST_THREADS = 64;

/**
 * A model in a worker: texts in, vectors out.
 *
 * ```ts
 * const embedder = await Embedder.create();
 * const { embeddings } = await embedder.embed('Where do puffins nest?', { task: 'query', dimensions: 128 });
 * await embedder.dispose();
 * ```
 */
export class Embedder implements AsyncDisposable {
  private disposed = false;

  protected constructor(private readonly engine: EngineLink) {}

  /**
   * Starts a worker and loads a model in it.
   *
   * @throws SternaError `model-not-found`, `network`, `corrupt-file`, `unsupported-model`, `missing-tensor`,
   *   `tensor-shape`, `tensor-dtype` about the model; `no-webgpu`, `limits`, `device-lost`, `not-finite` about the
   *   device; `worker` where the worker does not start. The signal's reason when it is aborted.
   */
  static async create(options: EmbedderOptions = {}): Promise<Embedder> {
    const { model = 'nano', signal, onProgress } = options;
    const settings = engineSettings(options);
    signal?.throwIfAborted();
    const load: LoadEngine = (request, told) => {
      const worker = options.worker ?? (options.workerFactory ?? startWorker)();
      return WorkerLink.load(worker, request, { ...told, fetch: options.fetch });
    };
    const request = { ...sourceForWorker(model, options), ...settings };
    if (!options.shared) return new Embedder(await load(request, { signal, onProgress }));
    if (options.worker) throw workerOfOneTab();
    // Most pages share nothing.
    const { sharedEngine } = await import('./engine/shared-engine.ts');
    return new Embedder(await sharedEngine(request, load, { signal, onProgress }));
  }

  /**
   * What it takes to load a model that is behind an address: bytes to download, on the disk, and on the device. Takes the options that
   * {@link create} would get.
   *
   * @throws SternaError `invalid-input`, `model-not-found`, `network`, `corrupt-file`, `unsupported-model`.
   */
  static async estimate(model: string | URL, options: LibraryQuery = {}): Promise<ModelEstimate> {
    const { estimateModel, precision, where } = await shelf(model, options);
    return estimateModel(where, precision, options);
  }

  /** Whether all of a model is kept in this browser, so that it works without a connection. */
  static async isCached(model: string | URL, options: LibraryQuery = {}): Promise<boolean> {
    const { isModelKept, precision, where } = await shelf(model, options);
    return isModelKept(where, precision, options);
  }

  /** Removes a model from this browser's storage, or all models. @throws SternaError `storage`. */
  static async clearCache(model?: string | URL, options: LibraryQuery = {}): Promise<void> {
    const { forgetModels, where } = await shelf(model ?? '/', options);
    return forgetModels(model && where, options);
  }

  /** Asks the browser not to clear this site's storage when it needs room. @returns whether it agreed. */
  static async persist(): Promise<boolean> {
    return (await navigator.storage?.persist?.()) ?? false;
  }

  /** The model and the device in use. */
  get report(): EmbedderReport {
    return this.engine.report;
  }

  /**
   * Embeds one text, several, or token ids. Results are in the order of the inputs; an empty list gives an empty
   * list. A text has the same vector, bit for bit, alone and in any company.
   *
   * What is not nice is still text: an empty string has the vector of an empty text (`<s> </s>`), a lone surrogate is
   * read as U+FFFD, and control characters are dropped as the tokenizer's own table says.
   *
   * @throws SternaError `invalid-input` for anything but text and token ids, `invalid-dimensions`, `text-too-long`
   *   with `truncate: 'error'`, `no-tokenizer` for text without tokenizer.json, `device-lost`, `not-finite`,
   *   `disposed`. The signal's reason when it is aborted; the next call works.
   */
  async embed<O extends Output = 'float32'>(
    input: EmbedInput,
    options: EmbedOptions<O> = {},
  ): Promise<EmbedResult<O>> {
    this.throwIfDisposed();
    const { task = 'document', truncate = 'end', specialTokens = 'parse', signal, onProgress } = options;
    const { priority = 'interactive' } = options;
    const output = (options.output ?? 'float32') as O;
    oneOf('task', task, ['query', 'document']);
    oneOf('output', output, ['float32', 'int8', 'int4', 'binary']);
    oneOf('truncate', truncate, ['end', 'error']);
    oneOf('specialTokens', specialTokens, ['parse', 'text']);
    oneOf('priority', priority, ['interactive', 'background']);
    const dimensions = checkDimensions(options.dimensions, options.allowUntrainedDimensions, this.report);
    const inputs = listOfInputs(input);
    signal?.throwIfAborted();

    const total = inputs.length;
    const told = onProgress && ((done: number) => onProgress({ done, total }));
    const request = { task, dimensions, output, truncate, specialTokens, priority };
    return result(await this.engine.embed(inputs, request, signal, told), output);
  }

  /**
   * Embeds texts as they come, and gives their embeddings in order, each as soon as its group is done. Only a few texts more than
   * were asked for are read from the source, so it may be endless.
   *
   * ```ts
   * for await (const { values } of embedder.embedMany(lines)) …
   * ```
   *
   * @param inputs - texts or token ids.
   * @param options - as of {@link embed}; `priority` is `background` unless said otherwise.
   * @throws SternaError as {@link embed}, after the embeddings before the group that it is about.
   */
  async *embedMany<O extends Output = 'float32'>(
    inputs: Iterable<string | TokenIds> | AsyncIterable<string | TokenIds>,
    options: Omit<EmbedOptions<O>, 'onProgress'> = {},
  ): AsyncGenerator<Embedding<O>, void, undefined> {
    const background = { priority: 'background', ...options } as const;
    const start = (group: readonly (string | TokenIds)[]) => {
      const call = this.embed<O>(group, background);
      call.catch(() => {}); // heard of when its turn comes
      return call;
    };
    // One group is under way while the one before is taken.
    let ahead: Promise<EmbedResult<O>> | undefined;
    for await (const group of groupsOf(inputs)) {
      const before = ahead;
      ahead = start(group);
      if (before) yield* (await before).embeddings;
    }
    if (ahead) yield* (await ahead).embeddings;
  }

  /**
   * Cuts texts into passages at sentence ends, by the model's own count of tokens.
   *
   * @param options.maxTokens - most tokens of a passage, special tokens not counted.
   * @returns the passages of each text, with their character ranges in it.
   */
  async chunk(
    texts: readonly string[],
    options: { maxTokens: number; signal?: AbortSignal },
  ): Promise<Passage[][]> {
    this.throwIfDisposed();
    const { maxTokens, signal } = options;
    if (!Number.isInteger(maxTokens) || maxTokens < 1) {
      throw new SternaError(
        'invalid-input',
        `maxTokens is ${maxTokens}; needed: a whole number of at least 1.`,
      );
    }
    checkTexts(texts);
    signal?.throwIfAborted();
    return this.engine.chunk(texts, maxTokens, signal);
  }

  /**
   * Reads texts as the model does, without embedding them. `</s>` and its like are just characters here.
   *
   * @throws SternaError `invalid-input`, `no-tokenizer`, `disposed`; the signal's reason when it is aborted.
   */
  async tokenize(texts: readonly string[], options: { signal?: AbortSignal } = {}): Promise<TokenizedTexts> {
    this.throwIfDisposed();
    checkTexts(texts);
    options.signal?.throwIfAborted();
    return this.engine.tokenize(texts, options.signal);
  }

  /** Ends the worker and gives its memory and the GPU's back. Calls under way reject with `disposed`. */
  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    this.engine.dispose();
  }

  /** {@link dispose}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  private throwIfDisposed(): void {
    if (this.disposed) throw new SternaError('disposed', 'This embedder was disposed; make a new one.');
  }
}

/** Texts of a group of {@link Embedder.embedMany}, and their length in UTF-16 units or tokens, at most but for the last. */
const GROUP_TEXTS = 64;
const GROUP_UNITS = 16_000;

async function* groupsOf<T extends { readonly length: number }>(
  inputs: Iterable<T> | AsyncIterable<T>,
): AsyncGenerator<T[]> {
  let group: T[] = [];
  let units = 0;
  for await (const input of inputs) {
    group.push(input);
    units += input?.length ?? 0;
    if (group.length < GROUP_TEXTS && units < GROUP_UNITS) continue;
    yield group;
    group = [];
    units = 0;
  }
  if (group.length > 0) yield group;
}

function workerOfOneTab(): SternaError {
  return new SternaError(
    'invalid-input',
    '`worker` is given with shared: true; needed: `workerFactory`, as a tab starts a worker when it comes to lead. Give that, or neither.',
  );
}

/** Which form of a model is asked about. */
export type LibraryQuery = Pick<EmbedderOptions, 'device' | 'precision' | 'revision' | 'baseUrl'>;

/** What knows the library, loaded when it is asked for, and the address of a model for it. */
async function shelf(model: string | URL, { device = 'auto', precision }: LibraryQuery) {
  const library = await import('./loader/model-shelf.ts');
  const isRepository = repositoryOf(String(model)) !== undefined;
  const wanted = precision ?? (isRepository ? 'auto' : 'f32');
  const gpu = async () => navigator.gpu as GPU | undefined;
  return {
    ...library,
    precision: await precisionToKeep({ device, precision: wanted, gpu }),
    where: isRepository ? String(model) : new URL(model, document.baseURI).href,
  };
}

function startWorker(): Worker {
  return new Worker(new URL('../workers/engine.worker.ts', import.meta.url), {
    type: 'module',
    name: 'sterna',
  });
}

/** A model source as a worker can have it: addresses in full, as a worker has another base. */
function sourceForWorker(
  model: ModelSource,
  options: EmbedderOptions,
): Pick<LoadRequest, 'model' | 'name' | 'revision' | 'baseUrl'> {
  if (model === 'nano') return { model: addresses(nanoSource()), name: 'nano' };
  if (typeof model === 'string' && repositoryOf(model) !== undefined) {
    const { revision, baseUrl } = options;
    return {
      model,
      revision,
      baseUrl: baseUrl === undefined ? undefined : new URL(baseUrl, document.baseURI).href,
    };
  }
  if (typeof model === 'string' || model instanceof URL)
    return { model: new URL(model, document.baseURI).href };
  if (Array.isArray(model) || isDirectory(model)) return { model };
  return { model: addresses(model as Readonly<Record<string, string | URL | Blob>>) };
}

function isDirectory(model: ModelSource): model is FileSystemDirectoryHandle {
  return (model as FileSystemDirectoryHandle).kind === 'directory';
}

function addresses(files: Readonly<Record<string, string | URL | Blob>>): Record<string, string | Blob> {
  const entries = Object.entries(files).map(([name, file]) => [
    name,
    file instanceof Blob ? file : new URL(file, document.baseURI).href,
  ]);
  return Object.fromEntries(entries);
}

/**
 * The options that an engine is loaded with, checked and with their defaults.
 *
 * @throws SternaError `invalid-input`.
 */
export function engineSettings(options: EmbedderOptions): EngineSettings {
  const { device = 'auto', precision, batchTokens = DEFAULT_BATCH_TOKENS, threads } = options;
  const { keep = 'all', golden = 'refuse' } = options;
  oneOf('device', device, ['auto', 'webgpu', 'wasm', 'reference']);
  if (precision !== undefined) {
    oneOf('precision', precision, ['auto', 'f32', 'f16', 'q8', 'q4']);
    lanesFor(device, precision);
  }
  oneOf('keep', keep, ['all', 'needed', 'nothing']);
  oneOf('golden', golden, ['refuse', 'warn']);
  wholeNumber('batchTokens', batchTokens, MOST_BATCH_TOKENS);
  if (threads !== undefined) wholeNumber('threads', threads, MOST_THREADS);
  return { device, precision, batchTokens, threads, keep, golden };
}

function wholeNumber(name: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return;
  throw new SternaError('invalid-input', `${name} is ${value}; needed: a whole number from 1 to ${most}.`);
}

function oneOf(name: string, value: unknown, allowed: readonly string[]): void {
  if (allowed.includes(value as string)) return;
  throw new SternaError(
    'invalid-input',
    `${name} is ${typeof value === 'string' ? `"${value}"` : kindOf(value)}; needed: ${allowed.map((one) => `"${one}"`).join(', ')}.`,
  );
}

function checkTexts(texts: readonly string[]): void {
  for (const [i, text] of texts.entries()) {
    if (typeof text !== 'string')
      throw new SternaError('invalid-input', `Text ${i} is ${kindOf(text)}; needed: a string.`);
  }
}

function checkDimensions(
  dimensions: number | undefined,
  allowUntrained: boolean | undefined,
  { model, dimensions: full, trainedDimensions }: EmbedderReport,
): number {
  if (dimensions === undefined) return full;
  if (trainedDimensions.includes(dimensions)) return dimensions;
  const possible = Number.isInteger(dimensions) && dimensions >= 1 && dimensions <= full;
  if (possible && allowUntrained) return dimensions;
  throw new SternaError(
    'invalid-dimensions',
    possible
      ? `${model} was not trained to be cut to ${dimensions} dimensions; needed: ${trainedDimensions.join(', ')}, or allowUntrainedDimensions: true.`
      : `dimensions is ${dimensions}; needed for ${model}: ${trainedDimensions.join(', ')}.`,
  );
}

function listOfInputs(input: EmbedInput): readonly (string | ArrayLike<number>)[] {
  if (typeof input === 'string' || input instanceof Uint32Array) return [input];
  if (!Array.isArray(input)) {
    throw new SternaError(
      'invalid-input',
      `The input is ${kindOf(input)}; needed: a text, token ids, or a list of them.`,
    );
  }
  if (typeof input[0] === 'number') return [input as number[]];
  for (const [i, one] of (input as readonly (string | TokenIds)[]).entries()) {
    if (typeof one === 'string' || one instanceof Uint32Array || Array.isArray(one)) continue;
    throw new SternaError('invalid-input', `Input ${i} is ${kindOf(one)}; needed: a text or token ids.`);
  }
  return input as readonly (string | TokenIds)[];
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === 'object'
    ? `an object (${value.constructor?.name ?? 'no class'})`
    : `a ${typeof value}`;
}

function result<O extends Output>(embedded: EmbeddedTexts, output: O): EmbedResult<O> {
  const { values, scales, tokenCounts, truncated, space } = embedded;
  const embeddings = vectorViews(values, output, space.dimensions).map((view, i) => ({
    values: view,
    scale: scales[i],
    tokenCount: tokenCounts[i],
    truncated: truncated[i] === 1,
  }));
  return { embeddings, space };
}
