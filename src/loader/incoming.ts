import type { ByteStream } from './byte-stream.ts';

/** A weight as it comes by in a stream, under the name that a checkpoint gives it, without a prefix. */
export interface IncomingTensor {
  readonly name: string;
  /** The file that holds it. */
  readonly file: string;
  /** F32, F16 or BF16. */
  readonly dtype: string;
  /** As in a checkpoint: `[outputs, inputs]` of a projection. */
  readonly shape: readonly number[];
  /** Whether the bytes are those of the transposed matrix. */
  readonly transposed: boolean;
  /** Bytes `start` … `end` of the file. */
  readonly start: number;
  readonly end: number;
}

/**
 * Weights in the order in which they lie in a file. A consumer reads `end − start` bytes from the stream before it asks for the next
 * tensor, or none of them.
 */
export interface IncomingWeights {
  readonly stream: ByteStream;
  readonly tensors: AsyncIterable<IncomingTensor>;
  /** What it takes to go on at a tensor later, besides the place in the stream. */
  state(): string | undefined;
}
