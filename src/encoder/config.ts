import { SternaError } from '../errors.ts';

/** The two encoder families of Arctic-Embed 2.0: l-v2.0 is an XLM-RoBERTa, m-v2.0 a GTE. */
export type Family = 'xlm-roberta' | 'gte';

/** Rotary position embedding of a GTE encoder. */
export interface RopeConfig {
  /** Base of the geometric series of wavelengths. */
  readonly theta: number;
  /** NTK-aware scaling for more positions than the model was trained on. */
  readonly scaling?: { readonly factor: number; readonly mixedB?: number };
}

/** The shape of an encoder, read from `config.json`. Sizes are numbers of features unless said. */
export interface EncoderConfig {
  readonly family: Family;
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  /** hiddenSize / heads: 32 or 64. */
  readonly headSize: number;
  readonly intermediateSize: number;
  /** Whether the feed-forward network has a gate (gte). */
  readonly gated: boolean;
  readonly layerNormEpsilon: number;
  /** Rows of the token-type table; only row 0 is used, and a GTE model may have none. */
  readonly tokenTypes: number;
  readonly padId: number;
  /** Rows of the position table (xlm-roberta), `padId + 1` of which come before the first position; 0 with RoPE. */
  readonly positionRows: number;
  /** Set for gte. */
  readonly rope?: RopeConfig;
  /** Longest input in tokens. */
  readonly maxTokens: number;
  /** Vector lengths that the model was trained to be cut to, longest (hiddenSize) first. */
  readonly trainedDimensions: readonly number[];
}

/** No model of these families is trained beyond this length. */
const LONGEST_INPUT = 8192;

/**
 * Trained sizes of checkpoints whose config.json does not say them (`matryoshka_dimensions`),
 * keyed by family, hidden size, layers and vocabulary.
 */
const UNDECLARED_TRAINED_DIMENSIONS: Readonly<Record<string, readonly number[]>> = {
  'xlm-roberta/256/4/32001': [128, 64], // nano
  'xlm-roberta/1024/24/250002': [256], // arctic-embed-l-v2.0
  'gte/768/12/250048': [256], // arctic-embed-m-v2.0 before its revision of 2024-12
};

/**
 * Reads and checks a Hugging Face `config.json`.
 *
 * @param json - the parsed file.
 * @param file - its name, for messages.
 * @throws SternaError `unsupported-model` for an architecture or size that this library does not run,
 *   `corrupt-file` where a field is missing or is not a number.
 */
export function parseConfig(json: unknown, file = 'config.json'): EncoderConfig {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new SternaError('corrupt-file', `${file} should hold a JSON object and holds ${describe(json)}.`);
  }
  const fields = new ConfigFields(json as Record<string, unknown>, file);
  const family = familyOf(fields);

  fields.mustBe(
    'hidden_act',
    ['gelu', undefined],
    'the exact (erf) GELU is the only activation that is built in',
  );
  const hiddenSize = fields.integer('hidden_size');
  const layers = fields.integer('num_hidden_layers');
  const heads = fields.integer('num_attention_heads');
  const intermediateSize = fields.integer('intermediate_size');
  const vocabularySize = fields.integer('vocab_size');
  const headSize = hiddenSize / heads;
  if (hiddenSize % 4 !== 0) fields.refuse('hidden_size', hiddenSize, 'a multiple of 4');
  if (intermediateSize % 4 !== 0) fields.refuse('intermediate_size', intermediateSize, 'a multiple of 4');
  if (headSize !== 32 && headSize !== 64) {
    fields.refuse('hidden_size / num_attention_heads', headSize, 'a head size of 32 or 64');
  }
  const padId = fields.integer('pad_token_id', family === 'gte' ? 0 : 1, 0);
  const positions = fields.integer('max_position_embeddings');
  const common = {
    family,
    vocabularySize,
    hiddenSize,
    layers,
    heads,
    headSize,
    intermediateSize,
    gated: family === 'gte',
    layerNormEpsilon: fields.number('layer_norm_eps', family === 'gte' ? 1e-12 : 1e-5),
    tokenTypes: fields.integer('type_vocab_size', family === 'gte' ? 0 : 1, 0),
    padId,
    trainedDimensions: trainedDimensions(
      fields,
      `${family}/${hiddenSize}/${layers}/${vocabularySize}`,
      hiddenSize,
    ),
  };
  if (family === 'xlm-roberta') {
    fields.mustBe('position_embedding_type', ['absolute', undefined], 'xlm-roberta has absolute positions');
    if (common.tokenTypes < 1) fields.refuse('type_vocab_size', common.tokenTypes, 'at least 1');
    const usable = positions - padId - 1;
    if (usable < 1)
      fields.refuse('max_position_embeddings', positions, `more than pad_token_id + 1 = ${padId + 1}`);
    return { ...common, positionRows: positions, maxTokens: Math.min(usable, LONGEST_INPUT) };
  }
  fields.mustBe('position_embedding_type', ['rope'], 'gte is run with rotary positions');
  fields.mustBe('layer_norm_type', ['layer_norm', undefined], 'RMS norm is not built in');
  fields.mustBe('pack_qkv', [true, undefined], 'gte is run with packed query, key and value weights');
  fields.mustBe('logn_attention_scale', [false, undefined], 'log-n attention scaling is not built in');
  const rope = ropeConfig(fields);
  const reach = positions * (rope.scaling?.factor ?? 1);
  return { ...common, positionRows: 0, rope, maxTokens: Math.min(Math.floor(reach), LONGEST_INPUT) };
}

function familyOf(fields: ConfigFields): Family {
  const type = fields.json.model_type;
  if (type === 'xlm-roberta') return 'xlm-roberta';
  if (type === 'gte' || type === 'new') return 'gte';
  throw new SternaError(
    'unsupported-model',
    `${fields.file}: model_type is ${describe(type)}; Sterna runs "xlm-roberta" and "gte" (also called "new").`,
  );
}

/** `rope_theta` and `rope_scaling`, or their newer spelling in one object, `rope_parameters`. */
function ropeConfig(fields: ConfigFields): RopeConfig {
  const { rope_scaling: scaling, rope_parameters: parameters } = fields.json;
  const theta = isRecord(parameters)
    ? fields.nested('rope_parameters', parameters).number('rope_theta')
    : fields.number('rope_theta', 10000);
  const chosen = scaling ?? parameters;
  if (chosen === null || chosen === undefined) return { theta };
  if (!isRecord(chosen)) return fields.refuse('rope_scaling', chosen, 'null or an object');
  const type = chosen.type ?? chosen.rope_type ?? 'default';
  if (type === 'default') return { theta };
  if (type !== 'ntk') return fields.refuse('rope_scaling.type', type, '"ntk", or no scaling');
  const scaled = fields.nested('rope_scaling', chosen);
  const factor = scaled.number('factor');
  if (factor < 1) return fields.refuse('rope_scaling.factor', factor, 'at least 1');
  const mixedB =
    chosen.mixed_b === null || chosen.mixed_b === undefined ? undefined : scaled.number('mixed_b');
  return factor === 1 ? { theta } : { theta, scaling: { factor, mixedB } };
}

function trainedDimensions(fields: ConfigFields, shape: string, hiddenSize: number): number[] {
  const declared = fields.json.matryoshka_dimensions ?? UNDECLARED_TRAINED_DIMENSIONS[shape] ?? [];
  const valid = (n: unknown) => Number.isInteger(n) && (n as number) >= 1 && (n as number) <= hiddenSize;
  if (!Array.isArray(declared) || !declared.every(valid)) {
    return fields.refuse('matryoshka_dimensions', declared, `a list of integers from 1 to ${hiddenSize}`);
  }
  return [...new Set([hiddenSize, ...(declared as number[])])].sort((a, b) => b - a);
}

/** The fields of one JSON object, with messages that name the file and the field. */
class ConfigFields {
  constructor(
    readonly json: Record<string, unknown>,
    readonly file: string,
    private readonly path = '',
  ) {}

  nested(name: string, json: Record<string, unknown>): ConfigFields {
    return new ConfigFields(json, this.file, `${this.path}${name}.`);
  }

  number(name: string, fallback?: number): number {
    const value = this.json[name] ?? fallback;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw new SternaError(
      'corrupt-file',
      `${this.file}: ${this.path}${name} should be a number and is ${describe(value)}.`,
    );
  }

  integer(name: string, fallback?: number, least = 1): number {
    const value = this.number(name, fallback);
    if (Number.isInteger(value) && value >= least && value < 2 ** 31) return value;
    throw new SternaError(
      'corrupt-file',
      `${this.file}: ${this.path}${name} should be an integer of at least ${least} and is ${value}.`,
    );
  }

  mustBe(name: string, allowed: readonly unknown[], reason: string): void {
    const value = this.json[name] ?? undefined;
    if (!allowed.includes(value)) this.refuse(name, value, `${describe(allowed[0])} (${reason})`);
  }

  refuse(name: string, found: unknown, needed: string): never {
    throw new SternaError(
      'unsupported-model',
      `${this.file}: ${this.path}${name} is ${describe(found)}; needed: ${needed}.`,
    );
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function describe(value: unknown): string {
  return value === undefined ? 'absent' : JSON.stringify(value);
}
