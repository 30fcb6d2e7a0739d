import { SternaError } from '../errors.ts';
import type { Checkpoint } from '../loader/checkpoint.ts';
import type { Backend, LinearWeights, NormWeights, Tensor } from './backend.ts';
import type { EncoderConfig } from './config.ts';
import type { EmbeddingTables } from './embeddings.ts';
import { type LoadWeightsOptions, PartReader } from './part-reader.ts';
import {
  allParts,
  type EncoderParts,
  type LayerParts,
  type LinearParts,
  type NormParts,
  type Part,
  partsOf,
  partsOfLayers,
  precisionOf,
  prefixOf,
  tableParts,
} from './parts.ts';
import { formOf } from './stored-form.ts';

/** One layer. */
export interface LayerWeights {
  /** `[3 · hidden, hidden]`: queries, keys, values. */
  readonly qkv: LinearWeights;
  /** `[hidden, hidden]`. */
  readonly attentionOutput: LinearWeights;
  readonly attentionNorm: NormWeights;
  /** `[intermediate, hidden]`, or `[2 · intermediate, hidden]` with up first and gate second. */
  readonly up: LinearWeights;
  /** Whether `up` carries a gate. */
  readonly gated: boolean;
  /** `[hidden, intermediate]`. */
  readonly down: LinearWeights;
  readonly outputNorm: NormWeights;
}

/** A whole encoder: tables in host memory, layers on the backend. */
export interface EncoderWeights {
  readonly embeddings: EmbeddingTables;
  readonly embeddingNorm: NormWeights;
  readonly layers: readonly LayerWeights[];
}

/**
 * Checks that a checkpoint holds every tensor of a model, in its shape and in a number type that can be read.
 * Tensors that the encoder does not use (a pooler, position ids) are no concern.
 *
 * @throws SternaError `missing-tensor`, `tensor-shape`, `tensor-dtype`: the file, the tensor, what was found and what was
 *   needed.
 */
export function checkTensors(config: EncoderConfig, { tensors }: Checkpoint): void {
  const prefix = prefixOf(tensors);
  for (const part of allParts(partsOf(config))) {
    for (const name of part.tensors) formOf(tensors, prefix + name, part);
  }
}

/** The first LayerNorm and the first layer, on a backend: enough to check it, and a beginning. */
export type FirstLayer = Omit<EncoderWeights, 'embeddings'>;

/** Reads the first LayerNorm and the first layer alone. Parameters and errors as of {@link loadWeights}. */
export async function loadFirstLayer(
  config: EncoderConfig,
  checkpoint: Checkpoint,
  backend: Backend,
): Promise<FirstLayer> {
  const where = partsOf(config);
  checkLimits(where, backend);
  const upload = new Upload(config, backend, new PartReader(checkpoint, [], {}));
  return {
    embeddingNorm: await upload.norm(where.embeddingNorm),
    layers: [await upload.layer(where.layers[0])],
  };
}

/**
 * Reads the weights, one tensor at a time: layers go to the backend as float32, tables stay in host memory as they are
 * stored.
 *
 * @param checkpoint - one that {@link checkTensors} has passed.
 * @param options.first - what {@link loadFirstLayer} has brought to the backend already.
 * @throws SternaError `corrupt-file` for a weight that is not a finite number, `limits` where the device cannot hold
 *   one, `missing-tensor`, `tensor-shape`, `tensor-dtype`.
 */
export async function loadWeights(
  config: EncoderConfig,
  checkpoint: Checkpoint,
  backend: Backend,
  { first, ...options }: LoadWeightsOptions & { first?: FirstLayer } = {},
): Promise<EncoderWeights> {
  checkTensors(config, checkpoint);
  const where = partsOf(config);
  const missing = where.layers.slice(first?.layers.length ?? 0);
  const all = first ? [...tableParts(where), ...partsOfLayers(missing)] : allParts(where);
  const reader = new PartReader(checkpoint, all, options);
  checkLimits(where, backend);

  const embeddings: EmbeddingTables = {
    words: await reader.table(where.words),
    positions: where.positions && (await reader.table(where.positions)),
    tokenType: where.tokenTypes && (await reader.floats(where.tokenTypes)).slice(0, config.hiddenSize),
  };
  const upload = new Upload(config, backend, reader);
  const embeddingNorm = first?.embeddingNorm ?? (await upload.norm(where.embeddingNorm));
  const layers: LayerWeights[] = [...(first?.layers ?? [])];
  for (const layer of missing) layers.push(await upload.layer(layer));
  return { embeddings, embeddingNorm, layers };
}

/** Takes parts from a checkpoint to a backend. */
class Upload {
  constructor(
    private readonly config: EncoderConfig,
    private readonly backend: Backend,
    private readonly reader: PartReader,
  ) {}

  async layer(layer: LayerParts): Promise<LayerWeights> {
    return {
      qkv: await this.linear(layer.qkv),
      attentionOutput: await this.linear(layer.attentionOutput),
      attentionNorm: await this.norm(layer.attentionNorm),
      up: await this.linear(layer.up),
      gated: this.config.gated,
      down: await this.linear(layer.down),
      outputNorm: await this.norm(layer.outputNorm),
    };
  }

  async norm({ weight, bias }: NormParts): Promise<NormWeights> {
    const epsilon = this.config.layerNormEpsilon;
    return { weight: await this.tensor(weight), bias: await this.tensor(bias), epsilon };
  }

  private async linear({ weight, bias }: LinearParts): Promise<LinearWeights> {
    return { weight: await this.tensor(weight), bias: bias && (await this.tensor(bias)) };
  }

  private async tensor(part: Part): Promise<Tensor> {
    const { role, rows, columns, tensors } = part;
    const precision = precisionOf(role, this.backend.precision);
    return this.backend.weight(await this.reader.matrix(part), rows, columns, tensors[0], precision);
  }
}

/** Everything that goes to the backend; the tables of the input layer do not. */
function checkLimits({ layers }: EncoderParts, { name, adapter, largestTensorBytes }: Backend): void {
  for (const { tensors, rows, columns } of partsOfLayers(layers)) {
    const bytes = 4 * rows * columns;
    if (bytes <= largestTensorBytes) continue;
    throw new SternaError(
      'limits',
      `Tensor ${tensors.join(' + ')} needs ${bytes} bytes and ${adapter || name} holds at most ${largestTensorBytes} in one buffer. Choose a smaller model or another device.`,
    );
  }
}
