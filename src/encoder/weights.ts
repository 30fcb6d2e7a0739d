import { SternaError } from '../errors.ts';
import type { Checkpoint } from '../loader/checkpoint.ts';
import { isWeightType, type NumberReader, numberReader, type WeightType } from '../loader/dtype.ts';
import type { TensorInfo } from '../loader/safetensors.ts';
import type { Precision } from '../types.ts';
import type { Backend, LinearWeights, NormWeights, Tensor } from './backend.ts';
import type { EncoderConfig } from './config.ts';
import type { EmbeddingTables, RowTable } from './embeddings.ts';

// The only file that knows what checkpoints call their tensors.

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

/** A matrix as a checkpoint holds it: in one tensor, or in several of one shape end to end. */
interface Part {
  readonly tensors: readonly string[];
  /** Shape of each tensor. */
  readonly shape: readonly number[];
  /** Shape of the whole; a vector is one row. */
  readonly rows: number;
  readonly columns: number;
}

/** A projection: its weight and, where the model has one, its bias. */
interface LinearParts {
  readonly weight: Part;
  readonly bias?: Part;
}

interface NormParts {
  readonly weight: Part;
  readonly bias: Part;
}

interface LayerParts {
  readonly qkv: LinearParts;
  readonly attentionOutput: LinearParts;
  readonly attentionNorm: NormParts;
  readonly up: LinearParts;
  readonly down: LinearParts;
  readonly outputNorm: NormParts;
}

interface EncoderParts {
  readonly words: Part;
  readonly positions?: Part;
  readonly tokenTypes?: Part;
  readonly embeddingNorm: NormParts;
  readonly layers: readonly LayerParts[];
}

/** Prefixes under which the encoder may be stored; models with a head on top have one. */
const PREFIXES = ['', 'new.', 'roberta.'];

/** Where the tensors of a model of this shape are. */
function parts(config: EncoderConfig): EncoderParts {
  const { hiddenSize: hidden } = config;
  const tokenTypes = config.tokenTypes > 0;
  return {
    words: matrix(['embeddings.word_embeddings.weight'], config.vocabularySize, hidden),
    positions:
      config.positionRows > 0
        ? matrix(['embeddings.position_embeddings.weight'], config.positionRows, hidden)
        : undefined,
    tokenTypes: tokenTypes
      ? matrix(['embeddings.token_type_embeddings.weight'], config.tokenTypes, hidden)
      : undefined,
    embeddingNorm: norm('embeddings.LayerNorm', hidden),
    layers: Array.from({ length: config.layers }, (_, i) =>
      config.family === 'gte'
        ? gteLayer(`encoder.layer.${i}`, config)
        : xlmRobertaLayer(`encoder.layer.${i}`, config),
    ),
  };
}

/** Separate queries, keys and values, which are put one below the other; everything has a bias. */
function xlmRobertaLayer(
  layer: string,
  { hiddenSize: hidden, intermediateSize: inner }: EncoderConfig,
): LayerParts {
  const separate = ['query', 'key', 'value'].map((name) => `${layer}.attention.self.${name}`);
  return {
    qkv: {
      weight: matrix(
        separate.map((name) => `${name}.weight`),
        3 * hidden,
        hidden,
      ),
      bias: vector(
        separate.map((name) => `${name}.bias`),
        3 * hidden,
      ),
    },
    attentionOutput: linear(`${layer}.attention.output.dense`, hidden, hidden),
    attentionNorm: norm(`${layer}.attention.output.LayerNorm`, hidden),
    up: linear(`${layer}.intermediate.dense`, inner, hidden),
    down: linear(`${layer}.output.dense`, hidden, inner),
    outputNorm: norm(`${layer}.output.LayerNorm`, hidden),
  };
}

/** Packed queries, keys and values; up and gate packed and without a bias. */
function gteLayer(layer: string, { hiddenSize: hidden, intermediateSize: inner }: EncoderConfig): LayerParts {
  return {
    qkv: linear(`${layer}.attention.qkv_proj`, 3 * hidden, hidden),
    attentionOutput: linear(`${layer}.attention.o_proj`, hidden, hidden),
    attentionNorm: norm(`${layer}.attn_ln`, hidden),
    up: { weight: matrix([`${layer}.mlp.up_gate_proj.weight`], 2 * inner, hidden) },
    down: linear(`${layer}.mlp.down_proj`, hidden, inner),
    outputNorm: norm(`${layer}.mlp_ln`, hidden),
  };
}

function matrix(tensors: readonly string[], rows: number, columns: number): Part {
  return { tensors, shape: [rows / tensors.length, columns], rows, columns };
}

function vector(tensors: readonly string[], size: number): Part {
  return { tensors, shape: [size / tensors.length], rows: 1, columns: size };
}

function linear(name: string, outputs: number, inner: number): LinearParts {
  return { weight: matrix([`${name}.weight`], outputs, inner), bias: vector([`${name}.bias`], outputs) };
}

function norm(name: string, size: number): NormParts {
  return { weight: vector([`${name}.weight`], size), bias: vector([`${name}.bias`], size) };
}

function allParts({ words, positions, tokenTypes, embeddingNorm, layers }: EncoderParts): Part[] {
  const { weight, bias } = embeddingNorm;
  return [...tableParts({ words, positions, tokenTypes }), weight, bias, ...partsOfLayers(layers)];
}

function tableParts({
  words,
  positions,
  tokenTypes,
}: Pick<EncoderParts, 'words' | 'positions' | 'tokenTypes'>): Part[] {
  return [words, positions, tokenTypes].filter((one) => one !== undefined);
}

function partsOfLayers(layers: readonly LayerParts[]): Part[] {
  return layers
    .flatMap((layer) => Object.values<LinearParts | NormParts>({ ...layer }))
    .flatMap(({ weight, bias }) => (bias ? [weight, bias] : [weight]));
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
  for (const one of allParts(parts(config))) {
    for (const name of one.tensors) check(tensors, prefix + name, one.shape);
  }
}

function check(tensors: Checkpoint['tensors'], name: string, needed: readonly number[]): void {
  const tensor = tensors.get(name);
  if (!tensor) {
    const files = [...new Set([...tensors.values()].map(({ file }) => file))].join(', ') || 'The checkpoint';
    throw new SternaError(
      'missing-tensor',
      `${files} has no tensor ${name} among its ${tensors.size}; needed by config.json: one of shape [${needed.join(', ')}].`,
    );
  }
  const { file, dtype, shape } = tensor;
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

function prefixOf(tensors: Checkpoint['tensors']): string {
  return PREFIXES.find((prefix) => tensors.has(`${prefix}embeddings.word_embeddings.weight`)) ?? '';
}

/** How to load weights. */
export interface LoadWeightsOptions {
  readonly signal?: AbortSignal;
  /** Told of the bytes that were read and handed on. */
  readonly onProgress?: (loaded: number, total: number) => void;
}

/** The first LayerNorm and the first layer, on a backend: enough to check it, and a beginning. */
export type FirstLayer = Omit<EncoderWeights, 'embeddings'>;

/** Reads the first LayerNorm and the first layer alone. Parameters and errors as of {@link loadWeights}. */
export async function loadFirstLayer(
  config: EncoderConfig,
  checkpoint: Checkpoint,
  backend: Backend,
): Promise<FirstLayer> {
  const where = parts(config);
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
  const where = parts(config);
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
    // Attention minds few bits: all weights in 4 give a cosine of 0.94 where q4 with attention in 8 gives 0.98 (on arctic-embed-m-v2.0).
    const attention = this.backend.precision === 'q4' ? 'q8' : this.backend.precision;
    return {
      qkv: await this.linear(layer.qkv, attention),
      attentionOutput: await this.linear(layer.attentionOutput, attention),
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

  private async linear({ weight, bias }: LinearParts, precision?: Precision): Promise<LinearWeights> {
    return { weight: await this.tensor(weight, precision), bias: bias && (await this.tensor(bias)) };
  }

  private async tensor(part: Part, precision?: Precision): Promise<Tensor> {
    const { rows, columns, tensors } = part;
    return this.backend.weight(await this.reader.floats(part), rows, columns, tensors[0], precision);
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

/** Reads parts, keeping count and watching for numbers that are none. */
class PartReader {
  private readonly prefix: string;
  private readonly total: number;
  private loaded = 0;

  constructor(
    private readonly checkpoint: Checkpoint,
    all: readonly Part[],
    private readonly options: LoadWeightsOptions,
  ) {
    this.prefix = prefixOf(checkpoint.tensors);
    this.total = all
      .flatMap(({ tensors }) => tensors)
      .map((name) => checkpoint.tensors.get(this.prefix + name)!)
      .reduce((sum, { start, end }) => sum + end - start, 0);
  }

  /** All numbers of a part as float32, `[rows · columns]`. */
  async floats({ tensors, rows, columns }: Part): Promise<Float32Array> {
    const values = new Float32Array(rows * columns);
    let at = 0;
    for (const name of tensors) {
      const numbers = await this.read(name);
      numbers.copy(0, numbers.length, values, at);
      at += numbers.length;
    }
    return values;
  }

  /** A part as rows to be read one by one, in the type it is stored in. */
  async table({ tensors: [name], rows, columns }: Part): Promise<RowTable> {
    const numbers = await this.read(name);
    return {
      rows,
      columns,
      addRow: (at, target, targetAt) => numbers.add(at * columns, columns, target, targetAt),
    };
  }

  /** All numbers of a tensor, each of them finite. */
  private async read(name: string): Promise<NumberReader> {
    this.options.signal?.throwIfAborted();
    const tensor = this.checkpoint.tensors.get(this.prefix + name)!;
    const bytes = await this.checkpoint.read(tensor.name);
    this.loaded += bytes.length;
    this.options.onProgress?.(this.loaded, this.total);
    const numbers = numberReader(bytes, tensor.dtype as WeightType);
    const wrong = numbers.firstNotFinite();
    if (wrong >= 0) throw notFinite(tensor, numbers, wrong);
    return numbers;
  }
}

function notFinite({ file, name }: TensorInfo, numbers: NumberReader, index: number): SternaError {
  const value = new Float32Array(1);
  numbers.copy(index, 1, value, 0);
  return new SternaError(
    'corrupt-file',
    `${file}: number ${index} of tensor ${name} is ${value[0]}; needed: finite numbers. Download the file again.`,
  );
}
