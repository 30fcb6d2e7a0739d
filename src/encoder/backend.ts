import type { PackedBatch } from '../text/pack.ts';
import type { Precision } from '../types.ts';
import type { MatrixData } from './block-codes.ts';

/**
 * An opaque handle of a matrix `[rows, columns]` of float32 that lives on a backend.
 * Biases and norm parameters are matrices of one row.
 */
export interface Tensor {
  readonly rows: number;
  readonly columns: number;
}

/** y = x·Wᵀ + b. */
export interface LinearWeights {
  /** `[out, in]`, as checkpoints store it. */
  readonly weight: Tensor;
  /** `[1, out]`; absent where the model has none. */
  readonly bias?: Tensor;
}

/** y = (x − mean) / √(variance + ε) · weight + bias, statistics over the columns of each row. */
export interface NormWeights {
  /** `[1, hidden]`. */
  readonly weight: Tensor;
  /** `[1, hidden]`. */
  readonly bias: Tensor;
  readonly epsilon: number;
}

/** Sizes that are the same in every layer; kernels may be specialised on them. */
export interface EncoderShape {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly heads: number;
  readonly headSize: number;
  /** Whether the feed-forward network has a gate. */
  readonly gated: boolean;
}

/**
 * Cosines and sines of the rotation angles: `[positions, 2, headSize / 2]`, cosines first.
 * Row p, pair i rotates by p · inverseFrequency(i).
 */
export interface RotationTable {
  readonly positions: number;
  readonly values: Float32Array;
}

/** Which rows ask in an attention: every token, or only the first one of each text (CLS). */
export type Queries = 'all' | 'first';

/**
 * Where the numbers are computed. A backend holds weights and activations and offers the few operations that
 * the forward pass in `encoder.ts` is written in. Operations are recorded in order and write into a given
 * output; only `read` waits. Each row of an output depends on its own text alone and is summed in one fixed
 * order, so that a text has the same vector, bit for bit, in any batch.
 */
export interface Backend {
  readonly name: 'webgpu' | 'wasm' | 'reference';
  /** The adapter's own words; empty where there is none. */
  readonly adapter: string;
  /** Number type of the weights. */
  readonly precision: Precision;
  /** What is worth knowing about how it runs; known after `prepare`. */
  readonly notes?: readonly string[];
  /** Most bytes of one tensor on this device. */
  readonly largestTensorBytes: number;

  /** Makes ready to run encoders of this shape (a GPU compiles its kernels). */
  prepare(shape: EncoderShape, onProgress?: (done: number, total: number) => void): Promise<void>;

  /**
   * Takes a weight `[rows, columns]` for the lifetime of the backend. The data may be reused afterwards.
   *
   * @param precision - number type to keep a matrix in; the backend's own unless said otherwise.
   */
  weight(data: MatrixData, rows: number, columns: number, label: string, precision?: Precision): Tensor;

  /** Starts a batch of at most 65,535 tokens: tensors from `activation` live until `end`. */
  begin(batch: PackedBatch): void;
  /** An activation `[rows, columns]` of undefined content. */
  activation(rows: number, columns: number, label: string): Tensor;
  /** Fills an activation. */
  write(target: Tensor, data: Float32Array): void;

  /** stream = LayerNorm(stream), or LayerNorm(stream + added). */
  norm(stream: Tensor, weights: NormWeights, added?: Tensor): void;
  /** out = x·Wᵀ + b, then GELU (the exact one, with erf) if asked. */
  linear(x: Tensor, weights: LinearWeights, out: Tensor, activation?: 'gelu'): void;
  /** With [up | gate] = x·Wᵀ: out = up · GELU(gate). The weight is `[2·out, in]`, up first. */
  gatedLinear(x: Tensor, weights: LinearWeights, out: Tensor): void;
  /** Rotates queries and keys in `qkv` `[tokens, 3·hidden]` by their positions in their texts, pairs (i, i + headSize/2). */
  rotate(qkv: Tensor, table: RotationTable): void;
  /** out = softmax(q·kᵀ / √headSize)·v per text and head, both ways; only the rows that ask are written. */
  attention(qkv: Tensor, out: Tensor, queries: Queries): void;
  /** out[i] = x[starts[i]], the first row of each text. */
  firstRows(x: Tensor, out: Tensor): void;

  /** Runs what was recorded and returns `[rows, columns]`. */
  read(x: Tensor): Promise<Float32Array>;
  /** Ends the batch and takes its activations back. */
  end(): void;

  /** Frees everything. */
  dispose(): void;
}
