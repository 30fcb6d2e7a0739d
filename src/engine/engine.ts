import { bytesPerVector, quantise } from '../encoder/output.ts';
import { truncateAndNormalise } from '../encoder/pool.ts';
import { checkTensors } from '../encoder/weights.ts';
import { SternaError } from '../errors.ts';
import type { ModelFiles } from '../loader/files.ts';
import { type ModelFolder, openModel } from '../loader/model-folder.ts';
import { chunk, type Passage } from '../text/chunk.ts';
import { Tokenizer } from '../text/tokenizer.ts';
import type { EmbedderReport, EmbeddingSpace } from '../types.ts';
import { Fingerprint } from './fingerprint.ts';
import type { EmbeddedTexts, EmbedRequest, EngineLink } from './link.ts';
import { Pace } from './pace.ts';
import { Runner, type RunnerOptions } from './runner.ts';
import { breathe, Turns } from './turns.ts';

/** How to load an engine. */
export interface EngineOptions extends RunnerOptions {
  readonly files: ModelFiles;
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
    private readonly runner: Runner,
    options: { batchTokens: number; revision: string },
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
      notes,
    };
  }

  /**
   * Loads a model. Everything about its files is checked before a device is asked for.
   *
   * @throws SternaError as the loader, the tokenizer and the backend say.
   */
  static async load({ files, ...options }: EngineOptions): Promise<Engine> {
    const { batchTokens, signal, onProgress } = options;
    const model = await openModel(files);
    const item = model.name;
    onProgress?.({ phase: 'verify', item, loaded: 0, total: 1 });
    checkTensors(model.config, model.checkpoint);
    const tokenizer = model.tokenizer && Tokenizer.fromJSON(model.tokenizer, 'tokenizer.json');
    const revision = await fingerprint(model);
    onProgress?.({ phase: 'verify', item, loaded: 1, total: 1 });
    signal?.throwIfAborted();

    const runner = await Runner.load(model, options);
    const { adapter, name } = runner.backend;
    onProgress?.({ phase: 'ready', item: adapter || name, loaded: 1, total: 1 });
    return new Engine(model, tokenizer, runner, { batchTokens, revision });
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
    this.runner.dispose();
  }

  private async encode(batch: readonly Tokenised[], signal?: AbortSignal): Promise<Float32Array> {
    await breathe();
    signal?.throwIfAborted();
    this.throwIfDisposed();
    const sequences = batch.map(({ ids }) => ids);
    const start = performance.now();
    const pooled = await this.runner.encode(sequences).catch((error) => {
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
