import { bytesPerVector, quantise } from '../encoder/output.ts';
import { truncateAndNormalise } from '../encoder/pool.ts';
import { checkTensors } from '../encoder/weights.ts';
import { SternaError } from '../errors.ts';
import { fingerprintOf } from '../loader/fingerprint.ts';
import type { ModelFolder } from '../loader/model-folder.ts';
import type { ModelOpener } from '../loader/model-opener.ts';
import { chunk, type Passage } from '../text/chunk.ts';
import { Tokenizer } from '../text/tokenizer.ts';
import type {
  Device,
  EmbedderReport,
  EmbeddingSpace,
  Precision,
  TokenizedText,
  TokenizedTexts,
} from '../types.ts';
import { HeadStart } from './head-start.ts';
import type { EmbeddedTexts, EmbedRequest, EngineLink, EngineSettings } from './link.ts';
import type { LoadOptions } from './load-options.ts';
import { Pace } from './pace.ts';
import { precisionToKeep } from './precision-to-keep.ts';
import { Runner } from './runner.ts';
import { SharedVectors } from './shared-vectors.ts';
import { breathe, Turns } from './turns.ts';

/** How to load an engine. */
export interface EngineOptions extends Omit<LoadOptions, 'precision'> {
  readonly model: ModelOpener;
  /** Absent: that which the model is kept in, and f32 where it is as it was trained. */
  readonly precision?: LoadOptions['precision'];
  /** Default: refuse. */
  readonly golden?: EngineSettings['golden'];
  /** Default: all. */
  readonly keep?: EngineSettings['keep'];
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
  private readonly shared = new SharedVectors();
  private readonly pace: Pace;
  private readonly revision: string;
  private disposed = false;
  /** Aborted when it is disposed of. */
  private readonly ending = new AbortController();

  private constructor(
    private readonly model: ModelFolder,
    private readonly tokenizer: Tokenizer | undefined,
    private readonly runner: Runner,
    options: { batchTokens: number; revision: string; notes: readonly string[] },
  ) {
    const { config, name, prompts } = model;
    const { backend, deviation, notes } = runner;
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
      deviation,
      notes: [...options.notes, ...notes],
    };
  }

  /**
   * Loads a model. Devices are opened and kernels made while it is downloaded; no device gets any of it before everything about its
   * files is checked.
   *
   * @throws SternaError as the loader, the tokenizer and the backend say.
   */
  static async load({ model: open, ...options }: EngineOptions): Promise<Engine> {
    let settled: LoadOptions = { ...options, precision: options.precision ?? 'f32' };
    let headStart = new HeadStart(settled);
    try {
      const model = await open(
        async (fallback) => precisionToKeep({ ...options, precision: options.precision ?? fallback }),
        (config, stored = 'f32') => {
          settled = { ...options, precision: options.precision ?? asStored(options.device, stored) };
          headStart.dispose();
          headStart = new HeadStart(settled);
          headStart.begin(config);
        },
      );
      return await Engine.of(model, headStart, settled, options);
    } finally {
      headStart.dispose();
    }
  }

  private static async of(
    model: ModelFolder,
    headStart: HeadStart,
    options: LoadOptions,
    { golden = 'refuse', keep = 'all' }: Pick<EngineOptions, 'golden' | 'keep'>,
  ): Promise<Engine> {
    const { batchTokens, signal, onProgress } = options;
    const item = model.name;
    onProgress?.({ phase: 'verify', item, loaded: 0, total: 1 });
    checkTensors(model.config, model.checkpoint);
    const { tokenizer: json, readTokenizer } = model;
    const tokenizer = readTokenizer ? await readTokenizer() : json && Tokenizer.fromJSON(json);
    const revision = model.revision ?? (await fingerprintOf(model));
    onProgress?.({ phase: 'verify', item, loaded: 1, total: 1 });
    signal?.throwIfAborted();

    const runner = await Runner.load(model, headStart, options);
    const wrong = await model.check?.((ids) => runner.encode([ids]), runner.backend.precision);
    if (wrong && golden === 'refuse') {
      runner.dispose();
      throw wrong;
    }
    const { adapter, name } = runner.backend;
    onProgress?.({ phase: 'ready', item: adapter || name, loaded: 1, total: 1 });
    const notes = [...(model.notes ?? []), ...(wrong ? [wrong.message] : [])];
    const engine = new Engine(model, tokenizer, runner, { batchTokens, revision, notes });
    // What is missing in the end will be fetched when it is needed.
    if (keep === 'all') model.complete?.(engine.ending.signal).catch(() => {});
    return engine;
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

    const keys = inputs.map((input) => this.keyOf(input, request));
    this.shared.expect(keys);
    let first = 0;
    try {
      let waiting: Tokenised | undefined;
      while (first < count) {
        // A micro-batch is filled in input order; the text that no longer fits starts the next one.
        const batch = new Map<string, Tokenised>();
        let tokens = 0;
        let end = first;
        for (; end < count; end++) {
          const key = keys[end];
          if (batch.has(key) || this.shared.has(key)) continue;
          waiting ??= this.tokenise(inputs[end], end, request);
          if (batch.size > 0 && tokens + waiting.ids.length > this.pace.budget) break;
          batch.set(key, waiting);
          tokens += waiting.ids.length;
          waiting = undefined;
        }
        if (batch.size > 0) await this.turns.take(request.priority, () => this.encode(batch, signal));
        for (; first < end; first++) {
          const { pooled, tokenCount, truncated: cut } = this.shared.take(keys[first]);
          if (cut && request.truncate === 'error') throw tooLong(first, this.report);
          truncateAndNormalise(pooled, vector);
          scales[first] = quantise(vector, output, values.subarray(first * step, (first + 1) * step));
          tokenCounts[first] = tokenCount;
          truncated[first] = cut ? 1 : 0;
        }
        onProgress?.(first);
      }
    } finally {
      this.shared.giveUp(keys.slice(first));
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

  async tokenize(texts: readonly string[], signal?: AbortSignal): Promise<TokenizedTexts> {
    const tokenizer = this.needTokenizer();
    const tokenized: TokenizedText[] = [];
    for (const text of texts) {
      await breathe();
      signal?.throwIfAborted();
      this.throwIfDisposed();
      tokenized.push(tokenizer.encode(text, { addSpecialTokens: false, specialTokens: 'text' }));
    }
    return { unknownId: tokenizer.unknownId, texts: tokenized };
  }

  /** What vectors of this length may be compared with. */
  space(dimensions: number): EmbeddingSpace {
    const model = this.report.model;
    return { id: `${model}@${this.revision}/${dimensions}`, model, revision: this.revision, dimensions };
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.ending.abort();
    this.runner.dispose();
  }

  /** Computes what nobody else has computed while this waited for its turn. */
  private async encode(batch: ReadonlyMap<string, Tokenised>, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.throwIfDisposed();
    const missing = [...batch].filter(([key]) => !this.shared.has(key));
    if (missing.length === 0) return;
    const sequences = missing.map(([, { ids }]) => ids);
    const start = performance.now();
    const pooled = await this.runner.encode(sequences).catch((error) => {
      this.throwIfDisposed(); // a backend that is disposed of in mid-batch has its own words for it
      throw error;
    });
    const tokens = sequences.reduce((sum, ids) => sum + ids.length, 0);
    this.pace.record(tokens, performance.now() - start);
    const { dimensions } = this.report;
    for (const [row, [key, { ids, truncated }]] of missing.entries()) {
      const ofText = pooled.subarray(row * dimensions, (row + 1) * dimensions);
      this.shared.put(key, { pooled: ofText, tokenCount: ids.length, truncated });
    }
  }

  /** What makes inputs the same: the text with its prompt, or the ids. */
  private keyOf(input: string | ArrayLike<number>, { task, specialTokens }: EmbedRequest): string {
    if (typeof input === 'string') return `${specialTokens} ${this.report.prompts[task]}${input}`;
    return `ids ${Array.prototype.join.call(input)}`;
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
    if (tokenised.truncated && request.truncate === 'error') throw tooLong(at, this.report);
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

function tooLong(at: number, { maxTokens, model }: EmbedderReport): SternaError {
  return new SternaError(
    'text-too-long',
    `Input ${at} has more tokens than the ${maxTokens} that ${model} takes. Cut it into passages, or let truncate: "end" cut it.`,
  );
}

/** The number type to run weights in that are stored in one: the same, unless the device has not got it. */
function asStored(device: Device, stored: Precision): Precision {
  return device === 'wasm' && stored === 'f16' ? 'f32' : stored;
}
