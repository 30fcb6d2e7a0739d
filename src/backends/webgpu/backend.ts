import type {
  Backend,
  EncoderShape,
  LinearWeights,
  NormWeights,
  Queries,
  RotationTable,
  Tensor,
} from '../../encoder/backend.ts';
import { inFloats, type MatrixData } from '../../encoder/block-codes.ts';
import { SternaError } from '../../errors.ts';
import type { PackedBatch } from '../../text/pack.ts';
import type { Precision } from '../../types.ts';
import { BufferUsage, MAP_READ, type OpenDevice } from './device.ts';
import type { Program, ProgramSource } from './program.ts';
import { ProgramCache } from './program-cache.ts';
import { type LinearKind, linearSource, type ProgramName, programSources, tileOf } from './programs.ts';
import { Recorder } from './recorder.ts';
import { recallChoices, rememberChoices } from './tile-memory.ts';
import { SOFTWARE_TILES, TILES, type Tile, tileFor } from './tiles.ts';
import { type Choices, describeChoices, tune } from './tuning.ts';
import { weightFormats } from './weight-format.ts';

/** A matrix in a GPU buffer of its own, row by row. */
class GpuTensor implements Tensor {
  constructor(
    readonly buffer: GPUBuffer,
    readonly rows: number,
    readonly columns: number,
  ) {}
}

/** A weight as the kernels of its number type read it. */
class GpuWeight extends GpuTensor {
  constructor(
    buffer: GPUBuffer,
    rows: number,
    columns: number,
    readonly precision: Precision,
    readonly scales: GPUBuffer | undefined,
  ) {
    super(buffer, rows, columns);
  }
}

/** Multiply-adds of attention in one dispatch; a longer one is cut into runs of queries. */
const ATTENTION_WORK = 1.5e10;
/** Queries of a workgroup of attention. */
const QUERIES = 64;
/** Tokens of the text by which attention is measured. */
const TUNING_TOKENS = 256;

/** How to make a {@link WebGpuBackend}. */
export interface WebGpuOptions {
  /** Of weights. Default: `f32`. */
  readonly precision?: Precision;
  /** What to run in place of what is measured to be the fastest; for tests. */
  readonly choices?: Choices;
}

/** The encoder's operations as WGSL kernels that add in float32, within WebGPU's default limits. */
export class WebGpuBackend implements Backend {
  readonly name = 'webgpu';
  readonly precision: Precision;
  readonly adapter: string;
  readonly largestTensorBytes: number;
  notes: readonly string[] = [];

  private readonly device: GPUDevice;
  private readonly recorder: Recorder;
  private readonly programs: ProgramCache;
  private readonly weights: GPUBuffer[] = [];
  /** Buffers of activations and tables, by label; they grow and are used again by the next batch. */
  private readonly workspace = new Map<string, GPUBuffer>();
  /** What `angles` of the workspace holds. */
  private rotation: Float32Array | undefined;
  private choices: Choices | undefined;
  /** The kernels that are no projections. */
  private sources!: Record<ProgramName, ProgramSource>;
  private shape!: EncoderShape;
  private batch!: PackedBatch;
  /** Tokens that ask one by one, and tiles of texts long enough for them. */
  private singles = 0;
  private tiles = 0;
  /** Rejects when the device is lost; nothing else settles it. */
  private readonly lost: Promise<never>;
  /** The first error that the device has reported, or why it is gone. */
  private failure: SternaError | undefined;
  private disposed = false;

  /** @throws SternaError `no-float16` where the adapter has none and `precision` is `f16`. */
  constructor({ device, adapter, software }: OpenDevice, { precision = 'f32', choices }: WebGpuOptions = {}) {
    if (precision === 'f16' && !device.features.has('shader-f16')) {
      throw new SternaError(
        'no-float16',
        `The GPU ${adapter} computes without float16 (shader-f16); needed for precision "f16". Choose "f32", "q8" or "q4".`,
      );
    }
    this.device = device;
    this.adapter = adapter;
    this.precision = precision;
    this.choices = choices ?? (software ? { tiles: SOFTWARE_TILES, tiledAttention: false } : undefined);
    this.recorder = new Recorder(device);
    this.programs = new ProgramCache(device);
    const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
    this.largestTensorBytes = Math.min(maxBufferSize, maxStorageBufferBindingSize);
    this.lost = device.lost.then(({ message }) => {
      this.failure = new SternaError(
        'device-lost',
        `The GPU ${adapter} went away${message ? ` (${message})` : ''}. Make a new embedder.`,
      );
      throw this.failure;
    });
    this.lost.catch(() => {});
    device.addEventListener('uncapturederror', (event) => {
      const { error } = event as GPUUncapturedErrorEvent;
      this.failure ??= new SternaError('limits', `The GPU ${adapter} refused an operation: ${error.message}`);
    });
  }

  /** Compiles the kernels side by side, and measures which tiles are the fastest unless that is known from before. */
  async prepare(shape: EncoderShape, onProgress?: (done: number, total: number) => void): Promise<void> {
    this.shape = shape;
    // A lost device may leave a compilation pending for ever.
    await Promise.race([this.makeReady(shape, onProgress), this.lost]);
  }

  private async makeReady(
    shape: EncoderShape,
    onProgress?: (done: number, total: number) => void,
  ): Promise<void> {
    const key = [this.adapter, this.precision, ...Object.values(shape), TILES.length].join('/');
    const given = this.choices;
    const known = given ?? (await recallChoices(key));
    this.sources = programSources(shape);
    const { attentionTiled, ...always } = this.sources;
    const others = known && !known.tiledAttention ? [] : [attentionTiled];
    const contest = known ? [] : TILES.map((tile) => linearSource(tile, 'plain', this.precision));
    const first = [...Object.values(always), ...others, ...contest];
    // Before it is known which ones, about four more are needed.
    const guess = first.length + 4;
    const tell = (before: number) => (done: number) => onProgress?.(Math.min(before + done, guess), guess);
    await this.programs.compile(first, tell(0));

    this.choices = known ?? (await this.measure());
    if (!known) await rememberChoices(key, this.choices);
    if (!given) this.notes = [describeChoices(this.choices)];
    const kinds: readonly LinearKind[] = ['plain', shape.gated ? 'gated' : 'gelu'];
    const precisions = this.precision === 'q4' ? (['q4', 'q8'] as const) : [this.precision];
    const used = [...new Set(this.choices.tiles)].flatMap((tile) =>
      kinds.flatMap((kind) =>
        precisions
          .filter((precision) => kind === 'plain' || precision === this.precision)
          .map((precision) => linearSource(tile, kind, precision)),
      ),
    );
    await this.programs.compile(used, tell(first.length));
    onProgress?.(guess, guess);
  }

  /** Lets the tiles race, on matrices of zeros. */
  private async measure(): Promise<Choices> {
    const { hiddenSize, intermediateSize } = this.shape;
    const before = this.weights.length;
    const zeros = new Float32Array(hiddenSize * intermediateSize);
    const weight = this.weight(zeros, intermediateSize, hiddenSize, 'tuning');
    const spans = Uint32Array.of(0, TUNING_TOKENS);
    const done = async () => {
      this.recorder.flush();
      await this.device.queue.onSubmittedWorkDone();
    };
    const choices = await tune({
      tiles: TILES,
      project: async (tile, rows, times) => {
        this.begin({ ids: new Uint32Array(rows), starts: Uint32Array.of(0, rows) });
        const x = this.activation(rows, hiddenSize, 'all.hidden');
        const out = this.activation(rows, intermediateSize, 'all.inner');
        for (let i = 0; i < times; i++) this.project(x, { weight }, out, 'plain', tile);
        await done();
      },
      attend: async (tiled, times) => {
        this.choices = { tiles: [], tiledAttention: tiled };
        this.begin({ ids: new Uint32Array(TUNING_TOKENS), starts: spans });
        const qkv = this.activation(TUNING_TOKENS, 3 * hiddenSize, 'qkv');
        const out = this.activation(TUNING_TOKENS, hiddenSize, 'all.context');
        for (let i = 0; i < times; i++) this.attention(qkv, out, 'all');
        await done();
      },
    });
    for (const buffer of this.weights.splice(before)) buffer.destroy();
    this.recorder.forget();
    return choices;
  }

  weight(
    data: MatrixData,
    rows: number,
    columns: number,
    label: string,
    precision: Precision = this.precision,
  ): Tensor {
    this.check();
    if (rows === 1) return new GpuTensor(this.upload(label, inFloats(data)), rows, columns);
    const { weight, scales } = weightFormats[precision].encode(data, rows, columns);
    const scaleBuffer = scales && this.upload(`${label} scales`, scales);
    return new GpuWeight(this.upload(label, weight), rows, columns, precision, scaleBuffer);
  }

  private upload(label: string, data: Float32Array | Uint16Array | Uint32Array): GPUBuffer {
    // Sizes and writes are in words.
    const buffer = this.createBuffer(label, Math.ceil(data.byteLength / 4) * 4);
    this.weights.push(buffer);
    this.device.queue.writeBuffer(buffer, 0, data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
    return buffer;
  }

  begin(batch: PackedBatch): void {
    this.check();
    const tokens = batch.ids.length;
    if (tokens > 65535) {
      throw new SternaError('limits', `A batch of ${tokens} tokens is too long; needed: at most 65535.`);
    }
    this.batch = batch;
    const texts = batch.starts.length - 1;
    const spans = new Uint32Array(2 * tokens);
    for (let text = 0; text < texts; text++) {
      for (let token = batch.starts[text]; token < batch.starts[text + 1]; token++) {
        spans[2 * token] = batch.starts[text];
        spans[2 * token + 1] = batch.starts[text + 1];
      }
    }
    this.table('spans', spans);
    this.table('rows.first', batch.starts.subarray(0, texts));
    this.divideQueries(batch);
  }

  /**
   * Which queries of a batch are asked by tiles, and which one by one. That is a matter of the length of a text alone, so its
   * vector does not depend on its company.
   */
  private divideQueries({ starts }: PackedBatch): void {
    const singles: number[] = [];
    const tiles: number[] = [];
    for (let text = 0; text + 1 < starts.length; text++) {
      const [start, end] = [starts[text], starts[text + 1]];
      const byTiles = this.choices?.tiledAttention && end - start >= QUERIES;
      if (byTiles) for (let row = start; row < end; row += QUERIES) tiles.push(row, end);
      else for (let row = start; row < end; row++) singles.push(row);
    }
    this.singles = singles.length;
    this.tiles = tiles.length / 2;
    if (this.singles > 0) this.table('rows.all', Uint32Array.from(singles));
    if (this.tiles > 0) this.table('tiles', Uint32Array.from(tiles));
  }

  activation(rows: number, columns: number, label: string): Tensor {
    return new GpuTensor(this.work(label, rows * columns * 4), rows, columns);
  }

  write(target: Tensor, data: Float32Array): void {
    // Writes to a queue overtake what is only recorded.
    this.recorder.flush();
    this.device.queue.writeBuffer(bufferOf(target), 0, data as Float32Array<ArrayBuffer>);
  }

  norm(stream: Tensor, { weight, bias, epsilon }: NormWeights, added?: Tensor): void {
    this.recorder.add({
      program: this.program(added ? 'addNorm' : 'norm'),
      params: [floatBits(epsilon)],
      buffers: [added ?? weight, weight, bias, stream].map(bufferOf),
      workgroups: [stream.rows],
      work: 8 * stream.rows * stream.columns,
    });
  }

  linear(x: Tensor, weights: LinearWeights, out: Tensor, activation?: 'gelu'): void {
    this.project(x, weights, out, activation ?? 'plain');
  }

  gatedLinear(x: Tensor, weights: LinearWeights, out: Tensor): void {
    this.project(x, weights, out, 'gated');
  }

  private project(
    x: Tensor,
    { weight, bias }: LinearWeights,
    out: Tensor,
    kind: LinearKind,
    tile: Tile = tileFor(this.choices!.tiles, x.rows),
  ): void {
    const { buffer, precision, scales } = weight as GpuWeight;
    const { rows, columns } = tileOf(tile, kind);
    const biases = bias ? bufferOf(bias) : this.noBias(weight.rows);
    this.recorder.add({
      program: this.programs.get(linearSource(tile, kind, precision)),
      params: [x.rows, x.columns / 4, out.columns / 4],
      buffers: [bufferOf(x), biases, bufferOf(out), buffer, ...(scales ? [scales] : [])],
      workgroups: [Math.ceil(out.columns / (32 * columns)), Math.ceil(x.rows / (8 * rows))],
      work: x.rows * weight.rows * weight.columns,
    });
  }

  rotate(qkv: Tensor, { values }: RotationTable): void {
    const { hiddenSize } = this.shape;
    this.recorder.add({
      program: this.program('rotate'),
      buffers: [this.workspace.get('spans')!, this.angles(values), bufferOf(qkv)],
      workgroups: [Math.ceil(hiddenSize / 4 / 64), qkv.rows],
      work: 8 * qkv.rows * hiddenSize,
    });
  }

  attention(qkv: Tensor, out: Tensor, queries: Queries): void {
    const { starts } = this.batch;
    const longest = starts.reduce((most, start, i) => Math.max(most, i === 0 ? 0 : start - starts[i - 1]), 0);
    const workPerQuery = 2 * longest * this.shape.hiddenSize;
    /** Cuts workgroups into runs that no watchdog minds. */
    const inRuns = (groups: number, add: (first: number, groups: number, work: number) => void) => {
      const run = Math.max(1, Math.floor(ATTENTION_WORK / (QUERIES * workPerQuery)));
      for (let first = 0; first < groups; first += run) {
        const some = Math.min(run, groups - first);
        add(first, some, some * QUERIES * workPerQuery);
      }
    };
    const spans = this.workspace.get('spans')!;
    const { heads } = this.shape;
    const count = queries === 'all' ? this.singles : starts.length - 1;
    inRuns(Math.ceil(count / QUERIES), (first, groups, work) =>
      this.recorder.add({
        program: this.program('attention'),
        params: [count, first * QUERIES],
        buffers: [this.workspace.get(`rows.${queries}`)!, spans, bufferOf(qkv), bufferOf(out)],
        workgroups: [groups, heads],
        work,
      }),
    );
    if (queries === 'first') return;
    inRuns(this.tiles, (first, groups, work) =>
      this.recorder.add({
        program: this.program('attentionTiled'),
        params: [first],
        buffers: [this.workspace.get('tiles')!, spans, bufferOf(qkv), bufferOf(out)],
        workgroups: [groups, heads],
        work,
      }),
    );
  }

  firstRows(x: Tensor, out: Tensor): void {
    this.recorder.add({
      program: this.program('firstRows'),
      buffers: [this.workspace.get('rows.first')!, bufferOf(x), bufferOf(out)],
      workgroups: [Math.ceil(out.columns / 4 / 64), out.rows],
      work: out.rows * out.columns,
    });
  }

  async read(x: Tensor): Promise<Float32Array> {
    const bytes = x.rows * x.columns * 4;
    this.recorder.flush();
    const staging = this.device.createBuffer({
      label: 'readback',
      size: bytes,
      usage: BufferUsage.mapRead | BufferUsage.copyTarget,
    });
    try {
      const encoder = this.device.createCommandEncoder();
      encoder.copyBufferToBuffer(bufferOf(x), 0, staging, 0, bytes);
      this.device.queue.submit([encoder.finish()]);
      // A lost device may never settle the map.
      await Promise.race([staging.mapAsync(MAP_READ), this.lost]);
      this.check();
      return new Float32Array(staging.getMappedRange().slice(0));
    } catch (error) {
      throw this.failure ?? error;
    } finally {
      staging.destroy();
    }
  }

  end(): void {
    this.recorder.discard();
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.recorder.destroy();
    for (const buffer of [...this.weights, ...this.workspace.values()]) buffer.destroy();
    this.device.destroy();
  }

  private program(name: ProgramName): Program {
    return this.programs.get(this.sources[name]);
  }

  private check(): void {
    if (this.failure) throw this.failure;
  }

  /** Zeros in place of a bias. */
  private noBias(columns: number): GPUBuffer {
    // New buffers are full of zeros.
    return this.work('no bias', columns * 4);
  }

  /** The rotation table, which all layers of a batch share. */
  private angles(values: Float32Array): GPUBuffer {
    if (values === this.rotation) return this.workspace.get('angles')!;
    this.recorder.flush();
    this.rotation = values;
    return this.table('angles', values);
  }

  private table(label: string, data: Uint32Array | Float32Array): GPUBuffer {
    const buffer = this.work(label, data.byteLength);
    this.device.queue.writeBuffer(buffer, 0, data as Uint32Array<ArrayBuffer>);
    return buffer;
  }

  /** A buffer of the workspace, at least that long. */
  private work(label: string, bytes: number): GPUBuffer {
    const present = this.workspace.get(label);
    if (present && present.size >= bytes) return present;
    // Half as much again, so that slowly growing batches do not allocate each time.
    const roomy = Math.min(Math.ceil((1.5 * bytes) / 256) * 256, this.largestTensorBytes);
    const buffer = this.createBuffer(label, Math.max(bytes, roomy));
    this.workspace.set(label, buffer);
    if (present) {
      this.recorder.flush();
      this.recorder.forget();
      present.destroy();
    }
    return buffer;
  }

  private createBuffer(label: string, bytes: number): GPUBuffer {
    if (bytes > this.largestTensorBytes) {
      throw new SternaError(
        'limits',
        `${label} needs ${bytes} bytes and a buffer on ${this.adapter} holds at most ${this.largestTensorBytes}. ` +
          'Use shorter texts or a smaller batchTokens.',
      );
    }
    const usage = BufferUsage.storage | BufferUsage.copyTarget | BufferUsage.copySource;
    return this.device.createBuffer({ label, size: bytes, usage });
  }
}

function bufferOf(tensor: Tensor): GPUBuffer {
  return (tensor as GpuTensor).buffer;
}

/** The bits of a float32, as the whole number that a uniform carries. */
function floatBits(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0];
}
