import { SternaError } from '../errors.ts';
import { isRecord, type ModelFile, type ModelFiles, quote, readJson } from './files.ts';
import { readHeader, type TensorInfo } from './safetensors.ts';

const WEIGHTS = 'model.safetensors';
const SHARDS = 'model.safetensors.index.json';

/** The tensors of a model, wherever they are. */
export interface Checkpoint {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Whether rows come from afar when they are asked for, so that tables had better not be read as a whole. */
  readonly onDemand?: boolean;
  /**
   * The bytes of a tensor.
   *
   * @throws SternaError `missing-tensor`, `corrupt-file`; `network` where they are still to come.
   */
  read(name: string): Promise<Uint8Array>;
  /** The bytes of rows `first` … `end` of a tensor. Errors as of {@link read}. */
  readRows(name: string, first: number, end: number): Promise<Uint8Array>;
}

/** The tensors of a model in one file or several, each of them whole in one. */
export class FileCheckpoint implements Checkpoint {
  /** @param files - the open files, by name. */
  constructor(
    readonly tensors: ReadonlyMap<string, TensorInfo>,
    private readonly files: ReadonlyMap<string, ModelFile>,
  ) {}

  async read(name: string): Promise<Uint8Array> {
    const { file, start, end } = this.tensor(name);
    return this.files.get(file)!.read(start, end);
  }

  async readRows(name: string, first: number, end: number): Promise<Uint8Array> {
    const tensor = this.tensor(name);
    const rowBytes = (tensor.end - tensor.start) / tensor.shape[0];
    return this.files.get(tensor.file)!.read(tensor.start + first * rowBytes, tensor.start + end * rowBytes);
  }

  private tensor(name: string): TensorInfo {
    const tensor = this.tensors.get(name);
    if (tensor) return tensor;
    throw new SternaError('missing-tensor', `The checkpoint has no tensor ${name}.`);
  }
}

/**
 * Opens `model.safetensors`, or the shards that `model.safetensors.index.json` names, and reads their headers.
 *
 * @throws SternaError `model-not-found`, `corrupt-file`, `missing-tensor`.
 */
export async function openCheckpoint(files: ModelFiles): Promise<Checkpoint> {
  const single = await files.open(WEIGHTS);
  if (single) return checkpointOf([single]);
  const index = await files.open(SHARDS);
  if (!index) {
    throw new SternaError(
      'model-not-found',
      `There is neither ${WEIGHTS} nor ${SHARDS} in ${files.location}; needed: one of them.`,
    );
  }
  const shardOf = weightMap(await readJson(index));
  const shards: ModelFile[] = [];
  for (const name of new Set(shardOf.values())) {
    const shard = await files.open(name);
    if (!shard)
      throw new SternaError(
        'model-not-found',
        `There is no ${name} in ${files.location}; ${SHARDS} names it.`,
      );
    shards.push(shard);
  }
  const checkpoint = await checkpointOf(shards);
  for (const [tensor, shard] of shardOf) {
    if (checkpoint.tensors.get(tensor)?.file !== shard) {
      throw new SternaError(
        'missing-tensor',
        `${shard} has no tensor ${tensor}, which ${SHARDS} says is there.`,
      );
    }
  }
  return checkpoint;
}

async function checkpointOf(files: readonly ModelFile[]): Promise<Checkpoint> {
  const tensors = new Map<string, TensorInfo>();
  for (const file of files) {
    for (const tensor of await readHeader(file)) {
      const other = tensors.get(tensor.name);
      if (other)
        throw new SternaError(
          'corrupt-file',
          `Tensor ${tensor.name} is both in ${other.file} and in ${file.name}.`,
        );
      tensors.set(tensor.name, tensor);
    }
  }
  return new FileCheckpoint(tensors, new Map(files.map((file) => [file.name, file])));
}

function weightMap(json: unknown): Map<string, string> {
  const map = isRecord(json) ? json.weight_map : undefined;
  if (!isRecord(map))
    throw new SternaError(
      'corrupt-file',
      `${SHARDS} has no weight_map; needed: an object of tensor name to file name.`,
    );
  const shardOf = new Map<string, string>();
  for (const [tensor, shard] of Object.entries(map)) {
    // A name only: nothing outside of the model's folder is opened.
    if (typeof shard !== 'string' || !/^[\w.-]+\.safetensors$/.test(shard) || shard.includes('..')) {
      throw new SternaError(
        'corrupt-file',
        `${SHARDS}: the file of ${tensor} is ${quote(shard)}; needed: a file name.`,
      );
    }
    shardOf.set(tensor, shard);
  }
  return shardOf;
}
