import type { EncoderConfig } from '../encoder/config.ts';
import { SternaError } from '../errors.ts';
import type { Precision } from '../types.ts';
import { streamOfFile } from './byte-stream.ts';
import { addressIn, type RemoteFolder } from './hub.ts';
import { incomingSafetensors } from './incoming-safetensors.ts';
import { onnxWeights } from './onnx/index.ts';
import { neededTensors, type WeightFile } from './pack/convert.ts';
import { RemoteFile } from './remote/remote-file.ts';
import type { RemoteOptions } from './remote/transfer.ts';
import { readHeader } from './safetensors.ts';

const SAFETENSORS = 'model.safetensors';
const HALVES = 'onnx/model_fp16.onnx';

/** The files that weights of a precision may come from, the one that is looked for first in front. */
export function weightPaths(precision: Precision): string[] {
  return precision === 'f32' ? [SAFETENSORS] : [HALVES, SAFETENSORS];
}

/**
 * The file of a folder to get weights from: the smallest that holds as much as the precision can use.
 *
 * @throws SternaError `model-not-found`, `network`, `corrupt-file`, `missing-tensor`, `tensor-shape`, `tensor-dtype`.
 */
export async function weightFile(
  folder: RemoteFolder,
  config: EncoderConfig,
  precision: Precision,
  options: RemoteOptions,
): Promise<WeightFile & { readonly note?: string }> {
  const open = (path: string) => RemoteFile.open(path, addressIn(folder, path), options);
  const needed = neededTensors(config);
  let note: string | undefined;
  if (weightPaths(precision).includes(HALVES)) {
    const halves = await open(HALVES);
    try {
      if (halves) {
        await firstOf(halves, needed);
        return fromRemote(folder, halves, async (stream, state) => onnxWeights(stream, needed, state));
      }
    } catch (error) {
      if (!(error instanceof SternaError) || error.code === 'network') throw error;
      note = `${HALVES} is passed over: ${error.message}`;
    }
  }
  const file = await open(SAFETENSORS);
  if (!file) {
    throw new SternaError(
      'model-not-found',
      `There is no ${SAFETENSORS} in ${folder.address.href}; needed: that file, or a pack. Weights in several files have to be converted first: sterna convert.`,
    );
  }
  const header = await readHeader(file);
  // Whatever is wrong with the header is said before anything else is downloaded.
  incomingSafetensors(header, needed, streamOfFile(file));
  return { ...fromRemote(folder, file, async (stream) => incomingSafetensors(header, needed, stream)), note };
}

function fromRemote({ known }: RemoteFolder, file: RemoteFile, weights: WeightFile['weights']): WeightFile {
  const { name, size } = file;
  return {
    name,
    size,
    identity: identityOf(file),
    sha256: known?.sha256[name],
    stream: (position) => file.stream(position),
    weights,
  };
}

/** Tells a version of a file on a server from others. */
export function identityOf({ name, size, version }: RemoteFile): string {
  return `${name} ${size} ${version}`;
}

/** Reads as far as the first weight, to see whether the file is one that is understood. */
async function firstOf(file: RemoteFile, needed: ReadonlyMap<string, readonly number[]>): Promise<void> {
  const stream = file.stream(0, 1);
  try {
    for await (const tensor of onnxWeights(stream, needed).tensors) {
      if (tensor.file === file.name) return;
      throw new SternaError('unsupported-model', `${file.name} has its weights in ${tensor.file}`);
    }
  } finally {
    stream.cancel();
  }
}
