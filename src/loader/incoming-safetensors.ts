import { prefixOf } from '../encoder/parts.ts';
import { tensorOfNumbers } from '../encoder/stored-form.ts';
import type { ByteStream } from './byte-stream.ts';
import type { IncomingTensor, IncomingWeights } from './incoming.ts';
import type { TensorInfo } from './safetensors.ts';

/**
 * The weights of a safetensors file as they come by in a stream.
 *
 * @param header - what `readHeader` found in the file.
 * @param needed - the shapes of the tensors that are wanted, by their names without a prefix; all others are passed over.
 * @param stream - the file from a place before or in the first tensor that is to come.
 * @throws SternaError `missing-tensor`, `tensor-shape`, `tensor-dtype`, before anything is read.
 */
export function incomingSafetensors(
  header: readonly TensorInfo[],
  needed: ReadonlyMap<string, readonly number[]>,
  stream: ByteStream,
): IncomingWeights {
  const byName = new Map(header.map((tensor) => [tensor.name, tensor]));
  const prefix = prefixOf(byName);
  const wanted = [...needed].map(([name, shape]) => ({
    ...tensorOfNumbers(byName, prefix + name, shape),
    name,
    transposed: false,
  }));
  wanted.sort((a, b) => a.start - b.start);
  return { stream, tensors: comingBy(wanted, stream), state: () => undefined };
}

async function* comingBy(
  wanted: readonly IncomingTensor[],
  stream: ByteStream,
): AsyncGenerator<IncomingTensor> {
  for (const tensor of wanted) {
    if (tensor.end <= stream.position) continue;
    if (tensor.start > stream.position) await stream.skip(tensor.start - stream.position);
    yield tensor;
    if (tensor.end > stream.position) await stream.skip(tensor.end - stream.position);
  }
}
