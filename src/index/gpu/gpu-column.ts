import { SternaError } from '../../errors.ts';
import {
  BLOCK_ROWS,
  type CodeKind,
  type CodeLayout,
  codeLayout,
  MOST_DIMENSIONS,
  rowBytes,
} from '../vectors/code-layout.ts';
import { watch } from './error-scopes.ts';
import { Usage } from './program.ts';

/** Kinds that there are kernels for. */
const SCANNED: readonly CodeKind[] = ['float32', 'int8', 'int4'];

/** Kernels read codes by 16 bytes. */
const VECTOR_BYTES = 16;

/** Tiles of a dispatch in one direction, on every adapter; a block has 16 of them. */
const MOST_BLOCKS = Math.floor(65535 / 16);

/** Codes of some rows, as the index holds them: planes one after another, each with `stride` rows. */
export interface CodeBlock {
  /** `[planes, stride, planeBytes]` and the rows' factors; more bytes behind it are left alone. */
  readonly bytes: Uint8Array;
  /** Rows that are there: 1024, except in the last block. */
  readonly rows: number;
  /** Rows that there is room for, up to 1024. */
  readonly stride: number;
}

/** What {@link GpuScanner.upload} takes. */
export interface CodeColumn {
  readonly kind: CodeKind;
  readonly dimensions: number;
  /** What codes are relative to; not used for `float32`. */
  readonly mean: Float32Array;
  readonly blocks: readonly CodeBlock[];
}

/** Whole blocks of a column in one storage buffer. */
interface Piece {
  readonly buffer: GPUBuffer;
  /** First row, a multiple of 1024. */
  readonly first: number;
  readonly rows: number;
  /** Rows that its last block has room for. */
  readonly lastStride: number;
}

/** A column of codes in the memory of the GPU. */
export class GpuColumn {
  readonly rows: number;
  /** Bytes on the GPU. */
  readonly bytes: number;
  /** Becomes the reason why the upload failed, or stays empty. */
  readonly refusal: Promise<SternaError | undefined>;
  /** How its codes lie. */
  readonly layout: CodeLayout;
  readonly mean: Float32Array;
  private held: readonly Piece[];
  private disposed = false;

  /**
   * Made by {@link GpuScanner.upload}.
   *
   * @param mostBytes - of a buffer.
   * @throws SternaError `invalid-input` for what is no column, `limits` where a block is larger than a buffer may be.
   */
  constructor(
    device: GPUDevice,
    column: CodeColumn,
    mostBytes: number,
    private readonly onDispose: () => void,
  ) {
    const { mean, blocks } = column;
    const layout = checkColumn(column);
    const runs = cut(layout, blocks, mostBytes);
    const { value: pieces, error } = watch(device, () =>
      runs.map((run) => uploadPiece(device, layout, blocks, run)),
    );
    this.layout = layout;
    this.mean = mean;
    this.held = pieces;
    this.rows = blocks.reduce((sum, { rows }) => sum + rows, 0);
    this.bytes = pieces.reduce((sum, { buffer }) => sum + buffer.size, 0);
    this.refusal = error.then((found) => (found ? refusalOf(found, this.bytes) : undefined));
  }

  /** Its buffers, in the order of the rows. */
  get pieces(): readonly Piece[] {
    return this.held;
  }

  /** @throws SternaError `disposed`. */
  check(): void {
    if (this.disposed) {
      throw new SternaError('disposed', 'This column was disposed of on the GPU. Upload it again.');
    }
  }

  /** Frees its memory. Scans under way still end well. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.onDispose();
    for (const { buffer } of this.held) buffer.destroy();
    this.held = [];
  }
}

/** @throws SternaError `invalid-input`. */
function checkColumn({ kind, dimensions, mean, blocks }: CodeColumn): CodeLayout {
  if (!SCANNED.includes(kind)) {
    throw new SternaError(
      'invalid-input',
      `The GPU does not scan codes of kind ${kind}; needed: ${SCANNED.join(', ')}. Scan them on the processor.`,
    );
  }
  if (!Number.isSafeInteger(dimensions) || dimensions < 1 || dimensions > MOST_DIMENSIONS) {
    throw new SternaError(
      'invalid-input',
      `A column has ${dimensions} dimensions; needed: a whole number from 1 to ${MOST_DIMENSIONS}.`,
    );
  }
  if (mean.length !== dimensions) {
    throw new SternaError(
      'invalid-input',
      `A column of ${dimensions} dimensions has a mean of ${mean.length}; needed: as many.`,
    );
  }
  const layout = codeLayout(kind, dimensions);
  for (const [i, block] of blocks.entries()) checkBlock(layout, block, i, i === blocks.length - 1);
  return layout;
}

function checkBlock(
  layout: CodeLayout,
  { bytes, rows, stride }: CodeBlock,
  i: number,
  isLast: boolean,
): void {
  const fits = Number.isInteger(stride) && stride >= 1 && stride <= BLOCK_ROWS;
  const filled = Number.isInteger(rows) && rows >= (isLast ? 1 : BLOCK_ROWS) && rows <= stride;
  if (!fits || !filled) {
    const needed = isLast ? 'at least one row in room for at most 1024' : '1024 of both';
    throw new SternaError(
      'invalid-input',
      `Block ${i} has ${rows} rows and room for ${stride}; needed: ${needed}.`,
    );
  }
  const needed = blockBytes(layout, stride);
  if (bytes.byteLength < needed) {
    throw new SternaError('invalid-input', `Block ${i} has ${bytes.byteLength} bytes; needed: ${needed}.`);
  }
}

function blockBytes(layout: CodeLayout, stride: number): number {
  return stride * rowBytes(layout);
}

/** Runs of blocks that fit into a buffer each. */
function cut(
  layout: CodeLayout,
  blocks: readonly CodeBlock[],
  mostBytes: number,
): [from: number, to: number][] {
  const whole = blockBytes(layout, BLOCK_ROWS);
  const length = Math.min(Math.floor(mostBytes / whole), MOST_BLOCKS);
  if (length === 0) {
    throw new SternaError(
      'limits',
      `A block of ${layout.dimensions} dimensions in ${layout.kind} takes ${whole} bytes and this GPU binds at most ${mostBytes}. ` +
        'Use fewer dimensions or smaller codes.',
    );
  }
  const runs: [number, number][] = [];
  for (let from = 0; from < blocks.length; from += length) {
    runs.push([from, Math.min(from + length, blocks.length)]);
  }
  return runs;
}

function uploadPiece(
  device: GPUDevice,
  layout: CodeLayout,
  blocks: readonly CodeBlock[],
  [from, to]: [from: number, to: number],
): Piece {
  const whole = blockBytes(layout, BLOCK_ROWS);
  const { rows: lastRows, stride: lastStride } = blocks[to - 1];
  const size =
    (to - from - 1) * whole + VECTOR_BYTES * Math.ceil(blockBytes(layout, lastStride) / VECTOR_BYTES);
  const buffer = device.createBuffer({ label: 'codes', size, usage: Usage.storage | Usage.copyTarget });
  for (let i = from; i < to; i++) {
    const { bytes, stride } = blocks[i];
    const length = blockBytes(layout, stride);
    device.queue.writeBuffer(buffer, (i - from) * whole, inWords(bytes.subarray(0, length)));
  }
  return { buffer, first: from * BLOCK_ROWS, rows: (to - from - 1) * BLOCK_ROWS + lastRows, lastStride };
}

function refusalOf({ message }: GPUError, bytes: number): SternaError {
  return new SternaError(
    'limits',
    `The GPU has no room for a column of ${bytes} bytes: ${message}. Search on the processor, or use smaller codes.`,
  );
}

/** A copy of bytes in memory that threads share, of which not every WebGPU reads, and of those that are no whole words; others as they are. */
function inWords(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  if (bytes.buffer instanceof ArrayBuffer && bytes.length % 4 === 0) return bytes as Uint8Array<ArrayBuffer>;
  const copy = new Uint8Array(4 * Math.ceil(bytes.length / 4));
  copy.set(bytes);
  return copy;
}
