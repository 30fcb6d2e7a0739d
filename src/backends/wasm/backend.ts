import type {
  Backend,
  EncoderShape,
  LinearWeights,
  NormWeights,
  Queries,
  RotationTable,
  Tensor,
} from '../../encoder/backend.ts';
import { inBlocks, inFloats, type MatrixData, Q4, Q8 } from '../../encoder/block-codes.ts';
import { SternaError } from '../../errors.ts';
import type { PackedBatch } from '../../text/pack.ts';
import type { Precision } from '../../types.ts';
import { CONTROL_WORDS, Crew, type ThreadStarter } from '../../wasm/crew.ts';
import { Heap } from './heap.ts';
import { relaxed, simd } from './kernels.generated.ts';

/** A matrix in the heap: row by row, or a weight in panels of eight rows, `[panels, columns, 8]`. */
class HeapTensor implements Tensor {
  constructor(
    readonly address: number,
    readonly rows: number,
    readonly columns: number,
  ) {}
}

/** A weight in whole numbers: panels of eight rows in blocks of columns, as assembly/tile-q8.ts reads them. */
class QuantisedTensor extends HeapTensor {}

/** What the kernels are told to do: the `kind` of each class in assembly/jobs.ts. */
const LINEAR = 0;
const GATE = 1;
const NORM = 2;
const ROTATE = 3;
const ATTENTION = 4;
const QUANTISE = 5;
const LINEAR_Q8 = 6;

const JOB_WORDS = 16;
/** Outputs of a panel, and rows of the largest tile. */
const PANEL = 8;
const TILE_ROWS = 6;
/** Rows that go past a panel while it is in the nearest cache. */
const BLOCK_ROWS = 48;
/** Numbers that are worth a chunk of a cheap operation. */
const CHEAP_NUMBERS = 16_384;
/** Multiplications that are worth waking other threads for: some ten microseconds. */
const WORTH_SHARING: Readonly<Record<WasmPrecision, number>> = {
  f32: 1_500_000,
  q8: 6_000_000,
  q4: 6_000_000,
};
/** Rows of [up | gate] that are in memory at a time. */
const GATED_ROWS = 512;
/** Number types of weights for which there are kernels. */
export type WasmPrecision = 'f32' | 'q8' | 'q4';

/** How features are written as whole numbers. */
interface FeatureCodes {
  /** Features that an instruction multiplies in a lane. */
  readonly group: number;
  /** The code of 0. */
  readonly zero: number;
  /** The largest code, from `zero`. */
  readonly most: number;
}

/** Plain SIMD multiplies codes of 16 bits. */
const SIXTEEN_BITS: FeatureCodes = { group: 2, zero: 0, most: 32767 };
/** Relaxed SIMD promises seven bits without a sign. */
const SEVEN_BITS: FeatureCodes = { group: 4, zero: 64, most: 63 };
/** Many processors take the eighth bit as well, with a sign or without one; by what they make of 127 times it (`probe`). */
const EIGHT_BITS = new Map<number, FeatureCodes>([
  [4 * 127 * 255, { group: 4, zero: 128, most: 127 }],
  [4 * 127 * -1, { group: 4, zero: 0, most: 127 }],
]);
/** Chunks for each thread: the last ones even out what the first ones took longer. */
const CHUNKS_PER_THREAD = 4;

/** How to start a {@link WasmBackend}. */
export interface WasmOptions {
  /** Threads that work, the calling one included. More than one need shared memory. */
  readonly threads: number;
  readonly startThread?: ThreadStarter;
  /** Of weights. Default: `f32`. */
  readonly precision?: WasmPrecision;
  /** Whether relaxed SIMD may be used where it is there. Default: true. */
  readonly relaxed?: boolean;
  /** Whether the eighth bit of features may be used where it can be. Default: true. */
  readonly eightBits?: boolean;
}

/**
 * SIMD kernels in WebAssembly (assembly/), on one thread or several: for everyone without a usable GPU. Operations run when
 * they are called.
 */
export class WasmBackend implements Backend {
  readonly name = 'wasm';
  readonly largestTensorBytes = 2 ** 31;
  private shape!: EncoderShape;
  private batch!: PackedBatch;
  /** Address of the words of the job at hand. */
  private readonly job: number;
  /** Begin of the batch's memory. */
  private floor = 0;
  private starts = 0;
  private positions = 0;
  private scratch = 0;
  private scratchBytes = 0;

  private constructor(
    /** Which SIMD, and how many threads. */
    readonly adapter: string,
    readonly precision: WasmPrecision,
    private readonly heap: Heap,
    private readonly crew: Crew,
    private readonly codes: FeatureCodes,
  ) {
    this.job = heap.allocate(4 * JOB_WORDS);
  }

  /** Whether this engine has WebAssembly with SIMD. */
  static isSupported(): Promise<boolean> {
    return simd.isSupported();
  }

  /** @throws SternaError `limits` where there is no memory, `no-wasm` where there is no SIMD. */
  static async start(options: WasmOptions): Promise<WasmBackend> {
    const { threads, startThread, precision = 'f32', relaxed: allowed = true } = options;
    if (!(await WasmBackend.isSupported())) {
      throw new SternaError(
        'no-wasm',
        'This engine has no WebAssembly with SIMD; choose device "reference".',
      );
    }
    const kernels = allowed && (await relaxed.isSupported()) ? relaxed : simd;
    const shared = threads > 1 && startThread !== undefined;
    const heap = new Heap(shared);
    const control = heap.allocate(4 * CONTROL_WORDS);
    const crew = await Crew.start(await kernels.compile(shared), heap.memory, control, threads, startThread);
    const words = kernels === relaxed ? 'relaxed SIMD' : 'SIMD';
    const adapter = `${words}, ${crew.size} ${crew.size === 1 ? 'thread' : 'threads'}`;
    const { eightBits = true } = options;
    const inEightBits = eightBits ? EIGHT_BITS.get(crew.probe(127, 255)) : undefined;
    const codes = kernels === relaxed ? (inEightBits ?? SEVEN_BITS) : SIXTEEN_BITS;
    return new WasmBackend(adapter, precision, heap, crew, codes);
  }

  async prepare(shape: EncoderShape): Promise<void> {
    this.shape = shape;
  }

  weight(
    data: MatrixData,
    rows: number,
    columns: number,
    _?: string,
    precision: Precision = this.precision,
  ): Tensor {
    if (rows === 1) {
      const address = this.heap.allocate(4 * columns);
      this.heap.floats(address, columns).set(inFloats(data));
      return new HeapTensor(address, rows, columns);
    }
    // What 4 bits are worth is decided before the kernels for 8 bits get them.
    if (precision === 'q4') return this.quantised(inBlocks(data, rows, columns, Q4), rows, columns);
    if (precision === 'q8') return this.quantised(data, rows, columns);
    return this.floats(inFloats(data), rows, columns);
  }

  private floats(data: Float32Array, rows: number, columns: number): Tensor {
    const panels = Math.ceil(rows / PANEL);
    const address = this.heap.allocate(4 * panels * PANEL * columns);
    const target = this.heap.floats(address, panels * PANEL * columns);
    target.fill(0, (panels - 1) * PANEL * columns);
    for (let row = 0; row < rows; row++) {
      let to = (row - (row % PANEL)) * columns + (row % PANEL);
      for (let at = row * columns; at < (row + 1) * columns; at++, to += PANEL) target[to] = data[at];
    }
    return new HeapTensor(address, rows, columns);
  }

  /** Panels of eight rows, as assembly/tile-q8.ts reads them. */
  private quantised(data: MatrixData, rows: number, columns: number): Tensor {
    const { group, zero } = this.codes;
    const panels = Math.ceil(rows / PANEL);
    const panelBytes = PANEL * (this.codeBytes(columns) * (group / 4) + 8 * Math.ceil(columns / Q8.block));
    const address = this.heap.allocate(panels * panelBytes);
    this.heap.bytes(address, panels * panelBytes).fill(0);
    const { codes, scales, blocks } = inBlocks(data, rows, columns, Q8);
    const heap = this.heap.bytes(address, panels * panelBytes);
    const words = this.heap.words(address, (panels * panelBytes) / 4);
    const floats = this.heap.floats(address, (panels * panelBytes) / 4);
    for (let row = 0; row < rows; row++) {
      const lane = row % PANEL;
      let at = ((row - lane) / PANEL) * panelBytes;
      for (let block = 0; block < blocks; block++) {
        const first = row * columns + block * Q8.block;
        const end = Math.min(first + Q8.block, (row + 1) * columns);
        floats[at / 4 + lane] = scales[row * blocks + block];
        let sum = 0;
        let to = at + 8 * PANEL + lane * group;
        for (let from = first; from < end; to += PANEL * group) {
          for (let k = 0; k < group && from < end; k++, from++) {
            heap[to + k] = codes[from];
            sum += codes[from];
          }
        }
        // Features are `zero` more than they should be.
        words[at / 4 + PANEL + lane] = -zero * sum;
        at += PANEL * (8 + Q8.block);
      }
    }
    return new QuantisedTensor(address, rows, columns);
  }

  /** Bytes of a row of features as codes. */
  private codeBytes(columns: number): number {
    return Math.ceil((4 * columns) / this.codes.group / 8) * 8;
  }

  begin(batch: PackedBatch): void {
    this.batch = batch;
    this.floor = this.heap.mark;
    const { starts } = batch;
    const texts = starts.length - 1;
    const tokens = starts[texts];
    this.starts = this.heap.allocate(4 * starts.length);
    this.heap.words(this.starts, starts.length).set(starts);
    this.positions = this.heap.allocate(4 * tokens);
    const positions = this.heap.words(this.positions, tokens);
    let longest = 0;
    for (let text = 0; text < texts; text++) {
      const length = starts[text + 1] - starts[text];
      for (let i = 0; i < length; i++) positions[starts[text] + i] = i;
      longest = Math.max(longest, length);
    }
    // Keys and values of a head, and the scores of a tile's rows with the sum of each; or a tile.
    const padded = Math.ceil(longest / PANEL) * PANEL;
    const floats = padded * (2 * this.shape.headSize + TILE_ROWS) + PANEL;
    this.scratchBytes = Math.ceil((4 * Math.max(floats, TILE_ROWS * PANEL)) / 64) * 64;
    this.scratch = this.heap.allocate(this.scratchBytes * this.crew.size);
  }

  activation(rows: number, columns: number): Tensor {
    return new HeapTensor(this.heap.allocate(4 * rows * columns), rows, columns);
  }

  write(target: Tensor, data: Float32Array): void {
    this.heap.floats(addressOf(target), data.length).set(data);
  }

  norm(stream: Tensor, { weight, bias, epsilon }: NormWeights, added?: Tensor): void {
    const { rows, columns } = stream;
    const chunkRows = this.chunkRows(rows, columns);
    const tensors = [stream, added, weight, bias].map((tensor) => (tensor ? addressOf(tensor) : 0));
    this.run(Math.ceil(rows / chunkRows), [NORM, ...tensors, rows, columns, floatBits(epsilon), chunkRows]);
  }

  linear(x: Tensor, weights: LinearWeights, out: Tensor, activation?: 'gelu'): void {
    this.project(addressOf(x), x.rows, weights, addressOf(out), activation === 'gelu');
  }

  gatedLinear(x: Tensor, weights: LinearWeights, out: Tensor): void {
    const { rows, columns: inner } = x;
    const width = out.columns;
    const mark = this.heap.mark;
    const product = this.heap.allocate(4 * 2 * width * Math.min(rows, GATED_ROWS));
    for (let first = 0; first < rows; first += GATED_ROWS) {
      const count = Math.min(GATED_ROWS, rows - first);
      this.project(addressOf(x) + 4 * first * inner, count, weights, product, false);
      const chunkRows = this.chunkRows(count, width);
      const y = addressOf(out) + 4 * first * width;
      this.run(Math.ceil(count / chunkRows), [GATE, product, y, count, width, chunkRows]);
    }
    this.heap.release(mark);
  }

  rotate(qkv: Tensor, { values }: RotationTable): void {
    const { heads, headSize } = this.shape;
    const mark = this.heap.mark;
    const angles = this.heap.allocate(values.byteLength);
    this.heap.floats(angles, values.length).set(values);
    const chunkRows = this.chunkRows(qkv.rows, qkv.columns);
    const sizes = [qkv.rows, heads, headSize, chunkRows];
    this.run(Math.ceil(qkv.rows / chunkRows), [ROTATE, addressOf(qkv), angles, this.positions, ...sizes]);
    this.heap.release(mark);
  }

  attention(qkv: Tensor, out: Tensor, queries: Queries): void {
    const { heads, headSize } = this.shape;
    const texts = this.batch.starts.length - 1;
    const scale = floatBits(Math.LOG2E / Math.sqrt(headSize));
    const job = [addressOf(qkv), addressOf(out), this.starts, texts, heads, headSize, scale];
    const first = queries === 'first';
    let scores = 0;
    for (let text = 0; text < texts; text++) {
      const length = this.batch.starts[text + 1] - this.batch.starts[text];
      scores += first ? length : length * length;
    }
    this.run(texts * heads, [ATTENTION, ...job, first ? 1 : 0], 2 * scores * heads * headSize);
  }

  firstRows(x: Tensor, out: Tensor): void {
    const { columns } = x;
    const source = this.heap.floats(addressOf(x), x.rows * columns);
    const target = this.heap.floats(addressOf(out), out.rows * columns);
    for (let text = 0; text < out.rows; text++) {
      const at = this.batch.starts[text] * columns;
      target.set(source.subarray(at, at + columns), text * columns);
    }
  }

  async read(x: Tensor): Promise<Float32Array> {
    return new Float32Array(this.heap.floats(addressOf(x), x.rows * x.columns));
  }

  end(): void {
    this.heap.release(this.floor);
  }

  dispose(): void {
    this.crew.dispose();
  }

  private project(x: number, rows: number, weights: LinearWeights, y: number, activation: boolean): void {
    const { rows: outputs, columns: inner } = weights.weight;
    const panels = Math.ceil(outputs / PANEL);
    const rowBlocks = Math.ceil(rows / BLOCK_ROWS);
    // Few rows are divided by their outputs instead.
    const wanted = Math.ceil((CHUNKS_PER_THREAD * this.crew.size) / rowBlocks);
    const work = rows * inner * outputs;
    const alone = this.crew.size === 1 || work < WORTH_SHARING[this.precision];
    const panelsPerChunk = alone ? panels : Math.max(2, Math.ceil(panels / wanted));
    const chunks = rowBlocks * Math.ceil(panels / panelsPerChunk);
    const bias = weights.bias ? addressOf(weights.bias) : 0;
    const sizes = [rows, inner, outputs, activation ? 1 : 0, BLOCK_ROWS, panelsPerChunk];
    const { weight } = weights;
    if (!(weight instanceof QuantisedTensor)) {
      this.run(chunks, [LINEAR, x, addressOf(weight), bias, y, ...sizes], work);
      return;
    }
    const mark = this.heap.mark;
    const scales = this.heap.allocate(4 * rows * Math.ceil(inner / Q8.block));
    const codes = this.heap.allocate(rows * this.codeBytes(inner));
    const chunkRows = this.chunkRows(rows, inner);
    const { zero, most } = this.codes;
    this.run(Math.ceil(rows / chunkRows), [QUANTISE, x, codes, scales, rows, inner, chunkRows, zero, most]);
    this.run(chunks, [LINEAR_Q8, codes, weight.address, bias, y, ...sizes, scales], work);
    this.heap.release(mark);
  }

  /** Rows of a chunk where a number costs little. */
  private chunkRows(rows: number, columns: number): number {
    return Math.ceil(Math.max(CHEAP_NUMBERS / columns, rows / (CHUNKS_PER_THREAD * this.crew.size)));
  }

  /** @param work - multiplications, where the chunks may be too small to be shared. */
  private run(chunks: number, words: readonly number[], work = Number.POSITIVE_INFINITY): void {
    this.heap.words(this.job, words.length).set(words);
    if (work < WORTH_SHARING[this.precision]) this.crew.doAlone(this.job, chunks, this.scratch);
    else this.crew.do(this.job, chunks, this.scratch, this.scratchBytes);
  }
}

function addressOf(tensor: Tensor): number {
  return (tensor as HeapTensor).address;
}

/** A float32 as the word that it is in memory. */
function floatBits(value: number): number {
  return new Int32Array(Float32Array.of(value).buffer)[0];
}
