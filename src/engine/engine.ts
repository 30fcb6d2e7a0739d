import { ReferenceBackend } from '../backends/reference/backend.ts';
import { WasmBackend } from '../backends/wasm/backend.ts';
import type { ThreadStarter } from '../backends/wasm/crew.ts';
import { WebGpuBackend } from '../backends/webgpu/backend.ts';
import { openDevice } from '../backends/webgpu/device.ts';
import type { Backend } from '../encoder/backend.ts';
import { encode } from '../encoder/encoder.ts';
import { bytesPerVector, quantise } from '../encoder/output.ts';
import { truncateAndNormalise } from '../encoder/pool.ts';
import { checkTensors, type EncoderWeights, loadWeights } from '../encoder/weights.ts';
import { SternaError } from '../errors.ts';
import type { ModelFiles } from '../loader/files.ts';
import { type ModelFolder, openModel } from '../loader/model-folder.ts';
import { chunk, type Passage } from '../text/chunk.ts';
import { pack } from '../text/pack.ts';
import { Tokenizer } from '../text/tokenizer.ts';
import type { Device, EmbedderReport, EmbeddingSpace, LoadProgress, Precision } from '../types.ts';
import { Fingerprint } from './fingerprint.ts';
import type { EmbeddedTexts, EmbedRequest, EngineLink, EngineSettings } from './link.ts';
import { Pace } from './pace.ts';
import { selfCheck } from './self-check.ts';
import { breathe, Turns } from './turns.ts';

/** Threads by default, where the processor has more: the matmuls of a small model do not fill them. */
const MOST_DEFAULT_THREADS = 8;

/** A backend, and what is worth knowing about it. */
export interface OpenedBackend {
  readonly backend: Backend;
  readonly notes: readonly string[];
}

/** Makes a listener for the steps of a phase. */
type Teller = (phase: LoadProgress['phase'], item: string) => (loaded: number, total: number) => void;

/** How to load an engine. */
export interface EngineOptions extends EngineSettings {
  readonly files: ModelFiles;
  /** Where WebGPU comes from: `navigator.gpu`, or Dawn in Node. */
  readonly gpu: () => Promise<GPU | undefined>;
  /** Threads that the processor has. */
  readonly processors: number;
  /** How to start another thread; absent where memory cannot be shared. */
  readonly startThread?: ThreadStarter;
  /** Opens a device in another way, for tests. */
  readonly open?: (device: Exclude<Device, 'auto'>, options: EngineOptions) => Promise<OpenedBackend>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LoadProgress) => void;
}

/** The token ids of one text, ready for the encoder. */
interface Tokenised {
  readonly ids: Uint32Array;
  readonly truncated: boolean;
}

/**
 * A loaded model on a backend: text in, vectors out. It knows nothing of workers; the worker and Node both run it.
 */
export class Engine implements EngineLink {
  readonly report: EmbedderReport;
  private readonly turns = new Turns();
  private readonly pace: Pace;
  private readonly revision: string;
  private disposed = false;

  private constructor(
    private readonly model: ModelFolder,
    private readonly tokenizer: Tokenizer | undefined,
    private readonly backend: Backend,
    private readonly weights: EncoderWeights,
    options: { notes: readonly string[]; deviation: number; batchTokens: number; revision: string },
  ) {
    const { config, name, prompts } = model;
    this.pace = new Pace(options.batchTokens);
    this.revision = options.revision;
    this.report = {
      model: name,
      family: config.family,
      layers: config.layers,
      dimensions: config.hiddenSize,
      trainedDimensions: config.trainedDimensions,
      maxTokens: config.maxTokens,
      prompts,
      device: backend.name,
      adapter: backend.adapter,
      precision: backend.precision,
      deviation: options.deviation,
      notes: options.notes,
    };
  }

  /**
   * Loads a model. Everything about its files is checked before a device is asked for.
   *
   * @throws SternaError as the loader, the tokenizer and the backend say.
   */
  static async load(options: EngineOptions): Promise<Engine> {
    const { files, device, signal, onProgress } = options;
    const tell: Teller = (phase, item) => (loaded, total) => onProgress?.({ phase, item, loaded, total });

    const model = await openModel(files);
    const { config, checkpoint } = model;
    tell('verify', model.name)(0, 1);
    checkTensors(config, checkpoint);
    const tokenizer = model.tokenizer && Tokenizer.fromJSON(model.tokenizer, 'tokenizer.json');
    const revision = await fingerprint(model);
    tell('verify', model.name)(1, 1);
    signal?.throwIfAborted();

    const candidates = device === 'auto' ? devicesInOrder(options.precision) : [device];
    const notes: string[] = [];
    for (const candidate of candidates) {
      try {
        return await Engine.loadOn(candidate, model, tokenizer, { ...options, revision, notes, tell });
      } catch (error) {
        const another = candidate !== candidates.at(-1);
        if (!another || !(error instanceof SternaError) || !IS_THE_DEVICES.has(error.code)) throw error;
        notes.push(`Not on ${candidate}: ${error.message}`);
      }
    }
    throw new Error('unreachable');
  }

  private static async loadOn(
    device: Exclude<Device, 'auto'>,
    model: ModelFolder,
    tokenizer: Tokenizer | undefined,
    options: EngineOptions & { revision: string; notes: readonly string[]; tell: Teller },
  ): Promise<Engine> {
    const { open = openBackend, batchTokens, revision, signal, tell } = options;
    const { config, checkpoint } = model;
    const { backend, notes } = await open(device, options);
    try {
      const words = backend.adapter || backend.name;
      await backend.prepare(config, tell('compile', words));
      const onProgress = tell('upload', model.name);
      const weights = await loadWeights(config, checkpoint, backend, { signal, onProgress });
      tell('check', words)(0, 1);
      const deviation = device === 'reference' ? 0 : await selfCheck(backend, config, weights, checkpoint);
      tell('check', words)(1, 1);
      signal?.throwIfAborted();
      tell('ready', words)(1, 1);
      const why = [...options.notes, ...notes];
      return new Engine(model, tokenizer, backend, weights, { notes: why, deviation, batchTokens, revision });
    } catch (error) {
      backend.dispose();
      throw error;
    }
  }

  /**
   * Embeds texts or token ids, in order. The signal is looked at between micro-batches.
   *
   * @param onProgress - told of the texts done after each micro-batch.
   */
  async embed(
    inputs: readonly (string | ArrayLike<number>)[],
    request: EmbedRequest,
    signal?: AbortSignal,
    onProgress?: (done: number) => void,
  ): Promise<EmbeddedTexts> {
    const { dimensions, output } = request;
    const count = inputs.length;
    const step = bytesPerVector(output, dimensions);
    const values = new Uint8Array(count * step);
    const scales = new Float64Array(count);
    const tokenCounts = new Uint32Array(count);
    const truncated = new Uint8Array(count);
    const vector = new Float32Array(dimensions);

    let waiting: Tokenised | undefined;
    for (let first = 0; first < count; ) {
      // A micro-batch is filled in input order; the text that no longer fits starts the next one.
      const batch: Tokenised[] = [];
      let tokens = 0;
      while (first + batch.length < count) {
        waiting ??= this.tokenise(inputs[first + batch.length], first + batch.length, request);
        if (batch.length > 0 && tokens + waiting.ids.length > this.pace.budget) break;
        batch.push(waiting);
        tokens += waiting.ids.length;
        waiting = undefined;
      }
      const pooled = await this.turns.take(request.priority, () => this.encode(batch, signal));
      for (const [row, { ids, truncated: cut }] of batch.entries()) {
        const at = first + row;
        truncateAndNormalise(pooled.subarray(row * this.report.dimensions), vector);
        scales[at] = quantise(vector, output, values.subarray(at * step, (at + 1) * step));
        tokenCounts[at] = ids.length;
        truncated[at] = cut ? 1 : 0;
      }
      first += batch.length;
      onProgress?.(first);
    }
    return { values: values.buffer, scales, tokenCounts, truncated, space: this.space(dimensions) };
  }

  /**
   * Cuts texts into passages of at most `maxTokens` tokens (without special tokens), at sentence ends.
   *
   * @throws SternaError `no-tokenizer`.
   */
  async chunk(texts: readonly string[], maxTokens: number, signal?: AbortSignal): Promise<Passage[][]> {
    const passages: Passage[][] = [];
    for (const text of texts) {
      await breathe();
      signal?.throwIfAborted();
      this.throwIfDisposed();
      const { offsets } = this.needTokenizer().encode(text, {
        addSpecialTokens: false,
        specialTokens: 'text',
      });
      passages.push(chunk(text, offsets, { maxTokens }));
    }
    return passages;
  }

  /** What vectors of this length may be compared with. */
  space(dimensions: number): EmbeddingSpace {
    const model = this.report.model;
    return { id: `${model}@${this.revision}/${dimensions}`, model, revision: this.revision, dimensions };
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.backend.dispose();
  }

  private async encode(batch: readonly Tokenised[], signal?: AbortSignal): Promise<Float32Array> {
    await breathe();
    signal?.throwIfAborted();
    this.throwIfDisposed();
    const sequences = batch.map(({ ids }) => ids);
    const start = performance.now();
    const pooled = await encodeFinite(this.backend, this.model, this.weights, sequences).catch((error) => {
      this.throwIfDisposed(); // a backend that is disposed of in mid-batch has its own words for it
      throw error;
    });
    const tokens = sequences.reduce((sum, ids) => sum + ids.length, 0);
    this.pace.record(tokens, performance.now() - start);
    return pooled;
  }

  private tokenise(input: string | ArrayLike<number>, at: number, request: EmbedRequest): Tokenised {
    const { maxTokens } = this.report;
    const tokenised =
      typeof input === 'string'
        ? this.needTokenizer().encode(this.report.prompts[request.task] + input, {
            maxTokens,
            specialTokens: request.specialTokens,
          })
        : this.checkIds(input, at);
    if (tokenised.truncated && request.truncate === 'error') {
      throw new SternaError(
        'text-too-long',
        `Input ${at} has more tokens than the ${maxTokens} that ${this.report.model} takes. Cut it into passages, or let truncate: "end" cut it.`,
      );
    }
    return tokenised;
  }

  /** Token ids are taken as they are; of too many, the first ones and the last one (`</s>`) are kept. */
  private checkIds(ids: ArrayLike<number>, at: number): Tokenised {
    const { vocabularySize } = this.model.config;
    const { maxTokens } = this.report;
    if (ids.length === 0)
      throw new SternaError('invalid-input', `Input ${at} is a list of no token ids; needed: at least one.`);
    for (let i = 0; i < ids.length; i++) {
      if (Number.isInteger(ids[i]) && ids[i] >= 0 && ids[i] < vocabularySize) continue;
      throw new SternaError(
        'invalid-input',
        `Input ${at}: token id ${i} is ${ids[i]}; needed: a whole number from 0 to ${vocabularySize - 1}.`,
      );
    }
    const kept = Uint32Array.from(ids);
    if (kept.length <= maxTokens) return { ids: kept, truncated: false };
    const cut = kept.slice(0, maxTokens);
    cut[maxTokens - 1] = kept[kept.length - 1];
    return { ids: cut, truncated: true };
  }

  private needTokenizer(): Tokenizer {
    if (this.tokenizer) return this.tokenizer;
    throw new SternaError(
      'no-tokenizer',
      `${this.report.model} came without tokenizer.json: add that file, or give token ids instead of text.`,
    );
  }

  private throwIfDisposed(): void {
    if (this.disposed) throw new SternaError('disposed', 'This embedder was disposed; make a new one.');
  }
}

/** Runs the encoder and refuses what is not a number. */
async function encodeFinite(
  backend: Backend,
  { config, name }: ModelFolder,
  weights: EncoderWeights,
  sequences: readonly Uint32Array[],
): Promise<Float32Array> {
  const pooled = await encode(backend, config, weights, pack(sequences));
  const wrong = pooled.findIndex((value) => !Number.isFinite(value));
  if (wrong < 0) return pooled;
  throw new SternaError(
    'not-finite',
    `${name} on ${backend.adapter || backend.name} gave ${pooled[wrong]} in feature ${wrong % config.hiddenSize} of a vector. ` +
      'The device computes wrong numbers or the weights are broken; try device "reference" to tell which.',
  );
}

/** Devices for `auto`, the fastest first. */
function devicesInOrder(precision: Precision): Exclude<Device, 'auto'>[] {
  return precision === 'q8' ? ['wasm'] : ['webgpu', 'wasm', 'reference'];
}

/** Errors after which another device may do. */
const IS_THE_DEVICES: ReadonlySet<string> = new Set([
  'no-webgpu',
  'no-wasm',
  'limits',
  'device-lost',
  'wrong-results',
  'not-finite',
]);

async function openBackend(device: Exclude<Device, 'auto'>, options: EngineOptions): Promise<OpenedBackend> {
  if (device === 'reference') return { backend: new ReferenceBackend(), notes: [] };
  if (device === 'wasm') return openWasm(options);
  const opened = await openDevice(await options.gpu());
  if (!opened.software) return { backend: new WebGpuBackend(opened), notes: [] };
  if (options.device === 'webgpu') {
    const notes = [`${opened.adapter} is a software adapter: right, and slow.`];
    return { backend: new WebGpuBackend(opened), notes };
  }
  // A processor that plays a GPU is slower than the same processor asked directly.
  opened.device.destroy();
  throw new SternaError('no-webgpu', `${opened.adapter} is a software adapter, slower than WebAssembly.`);
}

async function openWasm({
  processors,
  startThread,
  precision,
  ...options
}: EngineOptions): Promise<OpenedBackend> {
  const threads = options.threads ?? Math.min(processors, MOST_DEFAULT_THREADS);
  if (threads > 1 && startThread) {
    try {
      return { backend: await WasmBackend.start({ threads, startThread, precision }), notes: [] };
    } catch (error) {
      const note = `Runs on one thread, as others could not be started: ${(error as Error).message}`;
      return { backend: await WasmBackend.start({ threads: 1, precision }), notes: [note] };
    }
  }
  const alone = threads > 1 ? ['Runs on one thread, as the page is not cross-origin isolated.'] : [];
  return { backend: await WasmBackend.start({ threads: 1, precision }), notes: alone };
}

/** Tells apart what makes vectors differ: configuration, tokenizer, prompts, and the small tensors of the weights. */
async function fingerprint({ config, tokenizer, prompts, checkpoint }: ModelFolder): Promise<string> {
  const hash = new Fingerprint()
    .addText(JSON.stringify(config))
    .addText(prompts.query)
    .addText(prompts.document);
  if (tokenizer) hash.add(tokenizer);
  // Biases and norms: every training step moves them, and they are a thousandth of the bytes.
  const vectors = [...checkpoint.tensors.values()].filter(({ shape }) => shape.length === 1);
  for (const { name } of vectors.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    hash.addText(name).add(await checkpoint.read(name));
  }
  return hash.toString();
}
