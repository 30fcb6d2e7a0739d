import { PREFIXES, WORDS } from '../encoder/parts.ts';
import { SternaError } from '../errors.ts';
import type { ByteStream } from './byte-stream.ts';
import { isWeightType } from './dtype.ts';
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
  const prefix = PREFIXES.find((one) => byName.has(one + WORDS)) ?? '';
  const wanted = [...needed].map(([name, shape]) => {
    const tensor = byName.get(prefix + name);
    if (!tensor) {
      throw new SternaError(
        'missing-tensor',
        `${stream.name} has no tensor ${prefix + name} among its ${header.length}; needed by config.json: one of shape [${shape.join(', ')}].`,
      );
    }
    checkTensor(tensor, shape);
    return { ...tensor, name, transposed: false };
  });
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

function checkTensor({ file, name, shape, dtype }: TensorInfo, needed: readonly number[]): void {
  if (shape.length !== needed.length || shape.some((size, i) => size !== needed[i])) {
    throw new SternaError(
      'tensor-shape',
      `${file}: tensor ${name} has the shape [${shape.join(', ')}]; needed by config.json: [${needed.join(', ')}].`,
    );
  }
  if (!isWeightType(dtype)) {
    throw new SternaError(
      'tensor-dtype',
      `${file}: tensor ${name} is stored as ${dtype}; needed: F32, F16 or BF16.`,
    );
  }
}
