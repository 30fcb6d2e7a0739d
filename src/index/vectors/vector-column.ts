import {
  BLOCK_ROWS,
  type CodeKind,
  type CodeLayout,
  codeBytes,
  codeLayout,
  factorInBlock,
  placeInBlock,
  rowBytes,
} from './code-layout.ts';
import { isSameMean } from './mean.ts';
import { type CodeMemory, Quantiser, type RowPlace } from './quantise.ts';

/** Where columns lie: the heap of a scanner. */
export interface ColumnHeap extends CodeMemory {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly int8s: Int8Array<ArrayBuffer>;
  readonly floats: Float32Array<ArrayBuffer>;
  allocate(bytes: number): number;
  release(address: number): void;
  reserve(bytes: number): void;
}

/** What a column is made of. */
export interface ColumnSpec {
  readonly kind: CodeKind;
  readonly dimensions: number;
  /** `[dimensions]`, what codes are relative to; without meaning for `float32`. Default: zeros. */
  readonly mean?: Float32Array;
}

/** Rows of the first block of a column that grows from nothing. */
const FIRST_ROWS = 16;

/** Bytes that are read at once from what cannot be read in place. */
const READ_BYTES = 4 * 2 ** 20;

/** Rows that lie together. */
export interface ColumnBlock {
  /** Where `[planes, stride, planeBytes]` begins. */
  readonly address: number;
  readonly rows: number;
  readonly stride: number;
}

/** Codes of vectors in the memory of a scanner, which can scan them there. */
export class VectorColumn {
  readonly layout: CodeLayout;
  readonly mean: Float32Array;
  private readonly quantiser: Quantiser;
  /** Where each block begins, and for how many rows there is room in it. */
  private readonly addresses: number[] = [];
  private readonly strides: number[] = [];
  /** What was allocated: a block, or many of them in one piece. */
  private readonly pieces = new Set<number>();
  private count = 0;

  /** @param heap - of the scanner that is to scan it. */
  constructor(
    readonly heap: ColumnHeap,
    { kind, dimensions, mean }: ColumnSpec,
  ) {
    this.layout = codeLayout(kind, dimensions);
    this.mean = (kind !== 'float32' && mean) || new Float32Array(dimensions);
    this.quantiser = new Quantiser(this.layout, this.mean);
  }

  /**
   * A column of codes as {@link codes} gave them.
   *
   * @param fill - writes all of them into the memory that it is given, which is good until the next allocation.
   */
  static load(
    heap: ColumnHeap,
    spec: ColumnSpec,
    rows: number,
    fill: (codes: Uint8Array<ArrayBuffer>) => void,
  ): VectorColumn {
    const { column, address, bytes } = VectorColumn.ofSize(heap, spec, rows);
    try {
      fill(heap.bytes.subarray(address, address + bytes));
      return column;
    } catch (error) {
      column.dispose();
      throw error;
    }
  }

  /**
   * As {@link load}, from what can only be waited for.
   *
   * @param read - gives the codes from a byte up to another.
   */
  static async loadAsync(
    heap: ColumnHeap,
    spec: ColumnSpec,
    rows: number,
    read: (start: number, end: number) => Promise<Uint8Array>,
  ): Promise<VectorColumn> {
    const { column, address, bytes } = VectorColumn.ofSize(heap, spec, rows);
    try {
      for (let start = 0; start < bytes; start += READ_BYTES) {
        const piece = await read(start, Math.min(bytes, start + READ_BYTES));
        heap.bytes.set(piece, address + start);
      }
      return column;
    } catch (error) {
      column.dispose();
      throw error;
    }
  }

  /**
   * A column of codes that are in the heap already and stay there; whoever allocated them releases them, after the column's
   * `dispose`.
   */
  static at(heap: ColumnHeap, spec: ColumnSpec, rows: number, address: number): VectorColumn {
    const column = new VectorColumn(heap, spec);
    column.takeBlocks(rows, address);
    return column;
  }

  private static ofSize(heap: ColumnHeap, spec: ColumnSpec, rows: number) {
    const column = new VectorColumn(heap, spec);
    const bytes = codeBytes(column.layout, rows);
    if (rows === 0) return { column, address: 0, bytes };
    const address = heap.allocate(bytes);
    column.pieces.add(address);
    column.takeBlocks(rows, address);
    return { column, address, bytes };
  }

  get kind(): CodeKind {
    return this.layout.kind;
  }

  get dimensions(): number {
    return this.layout.dimensions;
  }

  /** Rows. */
  get length(): number {
    return this.count;
  }

  /** Planes of a row; a scan may read fewer. */
  get planes(): number {
    return this.layout.planes;
  }

  /** Bytes of the codes in a file. */
  get byteLength(): number {
    return codeBytes(this.layout, this.count);
  }

  /** Bytes of memory that it takes. */
  get memoryBytes(): number {
    return this.strides.reduce((sum, stride) => sum + codeBytes(this.layout, stride), 0);
  }

  /** Number of blocks. */
  get blockCount(): number {
    return this.addresses.length;
  }

  /** Block `at`; its address is good until the next row is added or removed. */
  block(at: number): ColumnBlock {
    const rows = Math.min(BLOCK_ROWS, this.count - at * BLOCK_ROWS);
    return { address: this.addresses[at], rows, stride: this.strides[at] };
  }

  /**
   * Adds rows.
   *
   * @param vectors - `[count, dimensions]` of unit length, in float32.
   */
  append(vectors: Float32Array): void {
    const { layout, heap, quantiser } = this;
    const { dimensions, planeBytes } = layout;
    for (let from = 0; from < vectors.length; ) {
      const wanted = (vectors.length - from) / dimensions;
      this.makeRoom(wanted);
      const last = this.addresses.length - 1;
      const stride = this.strides[last];
      const within = this.count - last * BLOCK_ROWS;
      const rows = Math.min(wanted, stride - within);
      const place = placeOf(layout, this.addresses[last], stride, within);
      for (let i = 0; i < rows; i++, from += dimensions) {
        quantiser.write(vectors, from, heap, place);
        place.at += planeBytes;
        place.factorAt++;
      }
      this.count += rows;
    }
  }

  /** Makes sure that there is memory for so many more rows, at once instead of little by little. */
  reserve(rows: number): void {
    const last = this.addresses.length - 1;
    const within = last < 0 ? 0 : this.strides[last] - (this.count - last * BLOCK_ROWS);
    if (rows > within) this.heap.reserve(rowBytes(this.layout) * (rows - within + BLOCK_ROWS));
  }

  /** The numbers that a row's codes mean. @param values - `[dimensions]`, written where it is given, and else made. */
  row(at: number, values: Float32Array = new Float32Array(this.layout.dimensions)): Float32Array {
    this.quantiser.read(this.heap, this.place(at), values);
    return values;
  }

  /** Where a row's codes lie, until the next row is added or removed. */
  place(row: number): RowPlace {
    const { address, stride } = this.blockOf(row);
    return placeOf(this.layout, address, stride, row % BLOCK_ROWS);
  }

  /** Whether codes mean the same here and in another column. */
  isLike(other: VectorColumn): boolean {
    return (
      other.kind === this.kind && other.dimensions === this.dimensions && isSameMean(other.mean, this.mean)
    );
  }

  /** Writes the codes of row `from` over those of row `to`. */
  copyRow(from: number, to: number): void {
    copyCodes(this.layout, this.heap, this.place(from), this.heap, this.place(to));
  }

  /** Takes away all rows but the first `rows`. */
  truncate(rows: number): void {
    this.count = Math.min(this.count, rows);
    const blocks = Math.ceil(this.count / BLOCK_ROWS);
    while (this.addresses.length > blocks) this.releaseBlock();
  }

  /** Adds rows of another column, which must be like this one. @param rows - which. */
  appendRows(other: VectorColumn, rows: ArrayLike<number>): void {
    if (!this.isLike(other))
      throw new Error('Codes can be copied between columns of one kind, length and mean only.');
    for (let i = 0; i < rows.length; i++) {
      const row = this.count;
      this.makeRoom(rows.length - i);
      this.count++;
      copyCodes(this.layout, other.heap, other.place(rows[i]), this.heap, this.place(row));
    }
  }

  /** The codes as a file has them, piece by piece: views that are good until the next allocation. */
  *codes(): Generator<Uint8Array<ArrayBuffer>> {
    const { layout } = this;
    for (let at = 0; at < this.addresses.length; at++) {
      const { address, rows, stride } = this.block(at);
      if (rows === stride) yield this.heap.bytes.subarray(address, address + codeBytes(layout, rows));
      else
        for (const [start, end] of runsOf(layout, stride, rows))
          yield this.heap.bytes.subarray(address + start, address + end);
    }
  }

  /** Gives its memory back. It is empty then. */
  dispose(): void {
    for (const address of this.pieces) this.heap.release(address);
    this.pieces.clear();
    this.addresses.length = 0;
    this.strides.length = 0;
    this.count = 0;
  }

  private blockOf(row: number): { address: number; stride: number } {
    if (!(row >= 0 && row < this.count)) throw new RangeError(`There is no row ${row} of ${this.count}.`);
    const at = Math.floor(row / BLOCK_ROWS);
    return { address: this.addresses[at], stride: this.strides[at] };
  }

  private takeBlocks(rows: number, address: number): void {
    const size = codeBytes(this.layout, BLOCK_ROWS);
    for (let start = 0; start < rows; start += BLOCK_ROWS) {
      this.addresses.push(address + (start / BLOCK_ROWS) * size);
      this.strides.push(Math.min(BLOCK_ROWS, rows - start));
    }
    this.count = rows;
  }

  /** Room for the next row, and as many more of `wanted` as fit in its block. */
  private makeRoom(wanted: number): void {
    const last = this.addresses.length - 1;
    const within = this.count - last * BLOCK_ROWS;
    if (last < 0 || within === BLOCK_ROWS) {
      const stride = last < 0 ? Math.min(BLOCK_ROWS, Math.max(FIRST_ROWS, wanted)) : BLOCK_ROWS;
      this.addresses.push(this.allocate(stride));
      this.strides.push(stride);
    } else if (within === this.strides[last]) {
      this.widen(last, within, Math.min(BLOCK_ROWS, Math.max(2 * within, FIRST_ROWS, within + wanted)));
    }
  }

  /** Moves a block's rows to where there is room for more. */
  private widen(at: number, rows: number, stride: number): void {
    const { layout } = this;
    const address = this.allocate(stride);
    const from = this.addresses[at];
    const { bytes } = this.heap;
    const targets = runsOf(layout, stride, rows);
    for (const [i, [start, end]] of runsOf(layout, this.strides[at], rows).entries())
      bytes.copyWithin(address + targets[i][0], from + start, from + end);
    this.releaseIfOwn(from);
    this.addresses[at] = address;
    this.strides[at] = stride;
  }

  private allocate(rows: number): number {
    const address = this.heap.allocate(rows * rowBytes(this.layout));
    this.pieces.add(address);
    return address;
  }

  private releaseBlock(): void {
    this.releaseIfOwn(this.addresses.pop()!);
    this.strides.pop();
  }

  /** Of blocks that were loaded in one piece the first is the last to go, and its address is that of all. */
  private releaseIfOwn(address: number): void {
    if (this.pieces.delete(address)) this.heap.release(address);
  }
}

function placeOf(layout: CodeLayout, address: number, stride: number, row: number): RowPlace {
  return {
    at: address + placeInBlock(layout, stride, row, 0),
    planeStep: stride * layout.planeBytes,
    factorAt: address + factorInBlock(layout, stride, row, 0),
    factorStep: stride,
  };
}

function copyCodes(
  { planes, planeBytes, factors }: CodeLayout,
  source: ColumnHeap,
  from: RowPlace,
  target: ColumnHeap,
  to: RowPlace,
): void {
  const copy = (start: number, bytes: number, place: number) => {
    if (source === target) target.bytes.copyWithin(place, start, start + bytes);
    else target.bytes.set(source.bytes.subarray(start, start + bytes), place);
  };
  for (let plane = 0; plane < planes; plane++)
    copy(from.at + plane * from.planeStep, planeBytes, to.at + plane * to.planeStep);
  for (let factor = 0; factor < factors; factor++)
    copy(from.factorAt + factor * from.factorStep, 1, to.factorAt + factor * to.factorStep);
}

/** Where the first rows of a block lie: a piece of each plane, and of each factor. */
function runsOf(layout: CodeLayout, stride: number, rows: number): [start: number, end: number][] {
  const planes = Array.from({ length: layout.planes }, (_, plane): [number, number] => {
    const start = placeInBlock(layout, stride, 0, plane);
    return [start, start + rows * layout.planeBytes];
  });
  const factors = Array.from({ length: layout.factors }, (_, factor): [number, number] => {
    const start = factorInBlock(layout, stride, 0, factor);
    return [start, start + rows];
  });
  return [...planes, ...factors];
}
