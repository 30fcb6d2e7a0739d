import type { ByteStream } from '../byte-stream.ts';
import type { IncomingTensor, IncomingWeights } from '../incoming.ts';
import { OnnxReader } from './reader.ts';

/**
 * The weights of an ONNX model, from front to back. Only initialisers are read, and of the graph what tells which of them is which weight.
 *
 * A tensor lies in the stream, at its position, and the consumer may read its bytes from there, `end − start` of them, before it asks
 * for the next one; what it has not read is skipped. Or it lies in another file: `file` names that one, with the folder of the stream's
 * file, and there is nothing to read from the stream.
 *
 * `state()` is about the tensor that was handed out last. To go on later, give it to this function with a stream that stands where this
 * one stood then, or anywhere further on in that tensor, its end included: the tensor is handed out again, and then those after it.
 *
 * @param needed - the weights to look for: their names in the checkpoint without a prefix, and their shapes there.
 * @param resume - a state of the same file and the same `needed`.
 * @throws SternaError `invalid-input` for another state. While reading: `unsupported-model` for what is not understood, `corrupt-file` for
 *   what contradicts itself, `tensor-shape`, at the end `missing-tensor`, and the errors of the stream.
 */
export function onnxWeights(
  stream: ByteStream,
  needed: ReadonlyMap<string, readonly number[]>,
  resume?: string,
): IncomingWeights {
  return new OnnxReader(stream, needed, resume);
}

/** The tensors of {@link onnxWeights}, without a state. */
export async function* readOnnx(
  stream: ByteStream,
  needed: ReadonlyMap<string, readonly number[]>,
  resume?: string,
): AsyncGenerator<IncomingTensor> {
  yield* onnxWeights(stream, needed, resume).tensors;
}
