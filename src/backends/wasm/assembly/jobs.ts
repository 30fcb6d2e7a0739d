// What a job is told, in the order in which jobs.ts of the backend writes it: 32-bit words, addresses in bytes.

/** y = x·Wᵀ + b of some rows, then GELU where asked. */
@unmanaged
export class Linear {
  kind: i32;
  x: usize;
  /** `[panels, inner, PANEL]`. */
  weight: usize;
  /** `[outputs]`, or 0. */
  bias: usize;
  y: usize;
  rows: i32;
  inner: i32;
  outputs: i32;
  /** 1 for GELU. */
  activation: i32;
  /** A chunk is a block of rows by a block of panels. */
  rowsPerChunk: i32;
  panelsPerChunk: i32;
}

/** y = up · GELU(gate) of [up | gate]. */
@unmanaged
export class Gate {
  kind: i32;
  /** `[rows, 2 · columns]`. */
  x: usize;
  y: usize;
  rows: i32;
  columns: i32;
  rowsPerChunk: i32;
}

/** stream = LayerNorm(stream + added). */
@unmanaged
export class Norm {
  kind: i32;
  stream: usize;
  /** As the stream, or 0. */
  added: usize;
  weight: usize;
  bias: usize;
  rows: i32;
  columns: i32;
  epsilon: f32;
  rowsPerChunk: i32;
}

/** Rotates queries and keys by their positions. */
@unmanaged
export class Rotate {
  kind: i32;
  /** `[tokens, 3 · heads · headSize]`. */
  qkv: usize;
  /** `[positions, 2, headSize / 2]`, cosines first. */
  angles: usize;
  /** `[tokens]` position of each row in its text. */
  positions: usize;
  rows: i32;
  heads: i32;
  headSize: i32;
  rowsPerChunk: i32;
}

/** Attention: a chunk is a head of a text. */
@unmanaged
export class Attention {
  kind: i32;
  /** `[tokens, 3 · heads · headSize]`. */
  qkv: usize;
  /** `[tokens, heads · headSize]`. */
  y: usize;
  /** `[texts + 1]`. */
  starts: usize;
  texts: i32;
  heads: i32;
  headSize: i32;
  scale: f32;
  /** 1 where only the first row of a text asks. */
  firstOnly: i32;
}

/** Rows as whole numbers, with a scale for each block of columns: x ≈ (y − zero) · scale. */
@unmanaged
export class Quantise {
  kind: i32;
  /** `[rows, columns]`. */
  x: usize;
  /** `[rows, columns]` of 8 or 16 bits, each row filled up to whole groups. */
  y: usize;
  /** `[rows, blocks]`. */
  scales: usize;
  rows: i32;
  columns: i32;
  rowsPerChunk: i32;
  /** Code of 0, and of the largest size above it. */
  zero: i32;
  most: i32;
}

/** {@link Linear} of quantised rows, and of weights in panels as of tile-q8.ts. */
@unmanaged
export class LinearQ8 extends Linear {
  /** `[rows, blocks]`, of x. */
  scales: usize;
}
