import type {
  Backend,
  EncoderShape,
  LinearWeights,
  NormWeights,
  Queries,
  RotationTable,
  Tensor,
} from '../../encoder/backend.ts';
import { SternaError } from '../../errors.ts';
import type { PackedBatch } from '../../text/pack.ts';
import { BufferUsage, MAP_READ, type OpenDevice } from './device.ts';
import { compile, type Program } from './program.ts';
import { type ProgramName, programSources } from './programs.ts';
import { Recorder } from './recorder.ts';

/** A matrix in a GPU buffer of its own, row by row. */
class GpuTensor implements Tensor {
  constructor(
    readonly buffer: GPUBuffer,
    readonly rows: number,
    readonly columns: number,
  ) {}
}

/** Multiply-adds of attention in one dispatch; a longer one is cut into runs of queries. */
const ATTENTION_WORK = 1.5e10;

/** The encoder's operations as WGSL kernels, in float32, within WebGPU's default limits. */
export class WebGpuBackend implements Backend {
  readonly name = 'webgpu';
  readonly precision = 'f32';
  readonly adapter: string;
  readonly largestTensorBytes: number;

  private readonly device: GPUDevice;
  private readonly recorder: Recorder;
  private readonly weights: GPUBuffer[] = [];
  /** Buffers of activations and tables, by label; they grow and are used again by the next batch. */
  private readonly workspace = new Map<string, GPUBuffer>();
  /** What `angles` of the workspace holds. */
  private rotation: Float32Array | undefined;
  private programs!: Record<ProgramName, Program>;
  private shape!: EncoderShape;
  private batch!: PackedBatch;
  /** Rejects when the device is lost; nothing else settles it. */
  private readonly lost: Promise<never>;
  /** The first error that the device has reported, or why it is gone. */
  private failure: SternaError | undefined;
  private disposed = false;

  constructor({ device, adapter }: OpenDevice) {
    this.device = device;
    this.adapter = adapter;
    this.recorder = new Recorder(device);
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

  async prepare(shape: EncoderShape, onProgress?: (done: number, total: number) => void): Promise<void> {
    this.shape = shape;
    const sources = Object.entries(programSources(shape));
    let done = 0;
    const compiled = sources.map(async ([name, source]) => {
      const program = await compile(this.device, source);
      onProgress?.(++done, sources.length);
      return [name, program] as const;
    });
    // A lost device may leave a compilation pending for ever.
    const programs = await Promise.race([Promise.all(compiled), this.lost]);
    this.programs = Object.fromEntries(programs) as Record<ProgramName, Program>;
  }

  weight(data: Float32Array, rows: number, columns: number, label: string): Tensor {
    this.check();
    const buffer = this.createBuffer(label, data.byteLength);
    this.weights.push(buffer);
    this.device.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>);
    return new GpuTensor(buffer, rows, columns);
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
    this.table(
      'rows.all',
      Uint32Array.from({ length: tokens }, (_, token) => token),
    );
    this.table('rows.first', batch.starts.subarray(0, texts));
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
      program: added ? this.programs.addNorm : this.programs.norm,
      params: [floatBits(epsilon)],
      buffers: [added ?? weight, weight, bias, stream].map(bufferOf),
      workgroups: [stream.rows],
      work: 8 * stream.rows * stream.columns,
    });
  }

  linear(x: Tensor, { weight, bias }: LinearWeights, out: Tensor, activation?: 'gelu'): void {
    this.recorder.add({
      program: this.linearProgram(x.columns, out.columns, activation === 'gelu'),
      params: [x.rows],
      buffers: [bufferOf(x), bufferOf(weight), this.biasOf(bias, out.columns), bufferOf(out)],
      workgroups: [Math.ceil(out.columns / 32), Math.ceil(x.rows / 32)],
      work: x.rows * x.columns * out.columns,
    });
  }

  gatedLinear(x: Tensor, { weight, bias }: LinearWeights, out: Tensor): void {
    this.recorder.add({
      program: this.programs.gatedUp,
      params: [x.rows],
      buffers: [bufferOf(x), bufferOf(weight), this.biasOf(bias, 2 * out.columns), bufferOf(out)],
      workgroups: [Math.ceil(out.columns / 32), Math.ceil(x.rows / 16)],
      work: 2 * x.rows * x.columns * out.columns,
    });
  }

  rotate(qkv: Tensor, { values }: RotationTable): void {
    const { hiddenSize } = this.shape;
    this.recorder.add({
      program: this.programs.rotate,
      buffers: [this.workspace.get('spans')!, this.angles(values), bufferOf(qkv)],
      workgroups: [Math.ceil(hiddenSize / 4 / 64), qkv.rows],
      work: 8 * qkv.rows * hiddenSize,
    });
  }

  attention(qkv: Tensor, out: Tensor, queries: Queries): void {
    const { starts } = this.batch;
    const count = queries === 'all' ? qkv.rows : starts.length - 1;
    const longest = starts.reduce((most, start, i) => Math.max(most, i === 0 ? 0 : start - starts[i - 1]), 0);
    const workPerQuery = 2 * longest * this.shape.hiddenSize;
    const run = Math.max(64, Math.floor(ATTENTION_WORK / workPerQuery / 64) * 64);
    for (let first = 0; first < count; first += run) {
      const some = Math.min(run, count - first);
      this.recorder.add({
        program: this.programs.attention,
        params: [count, first],
        buffers: [
          this.workspace.get(`rows.${queries}`)!,
          this.workspace.get('spans')!,
          bufferOf(qkv),
          bufferOf(out),
        ],
        workgroups: [Math.ceil(some / 64), this.shape.heads],
        work: some * workPerQuery,
      });
    }
  }

  firstRows(x: Tensor, out: Tensor): void {
    this.recorder.add({
      program: this.programs.firstRows,
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

  private check(): void {
    if (this.failure) throw this.failure;
  }

  private linearProgram(inner: number, outputs: number, gelu: boolean): Program {
    const { hiddenSize } = this.shape;
    if (gelu) return this.programs.up;
    if (outputs === 3 * hiddenSize && inner === hiddenSize) return this.programs.qkv;
    return inner === hiddenSize && outputs === hiddenSize ? this.programs.output : this.programs.down;
  }

  /** The bias, or zeros where the model has none. */
  private biasOf(bias: Tensor | undefined, columns: number): GPUBuffer {
    // New buffers are full of zeros.
    return bias ? bufferOf(bias) : this.work('no bias', columns * 4);
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
