import type { RandomModel } from './random-model.ts';

/** A matrix as rows. */
type Matrix = number[][];

/**
 * The forward pass as a textbook has it, one text at a time, in float64 and without any of the code that it is there to
 * check: the oracle for checkpoints that nobody has published.
 *
 * @returns `[hidden]` the first row of the last layer.
 */
export function naiveEncode(model: RandomModel, ids: readonly number[]): number[] {
  const { family, heads, layers, padId, tokenTypes, hiddenSize } = model.shape;
  const headSize = hiddenSize / heads;
  const weight = (name: string) => rowsOf(model, `${name}.weight`);
  const linear = (x: Matrix, name: string): Matrix => {
    const bias = model.tensors[`${name}.bias`]?.values;
    return x.map((row) => weight(name).map((w, i) => dot(row, w) + (bias ? bias[i] : 0)));
  };
  const norm = (x: Matrix, name: string): Matrix => {
    const { values: scale } = model.tensors[`${name}.weight`];
    const { values: shift } = model.tensors[`${name}.bias`];
    return x.map((row) => {
      const mean = sum(row) / row.length;
      const variance = sum(row.map((value) => (value - mean) ** 2)) / row.length;
      const deviation = Math.sqrt(variance + (model.config.layer_norm_eps as number));
      return row.map((value, i) => ((value - mean) / deviation) * scale[i] + shift[i]);
    });
  };

  let position = padId;
  const embedded = ids.map((id) => {
    const row = [...weight('embeddings.word_embeddings')[id]];
    const parts: Matrix = [];
    if (tokenTypes > 0) parts.push(weight('embeddings.token_type_embeddings')[0]);
    if (family === 'xlm-roberta')
      parts.push(weight('embeddings.position_embeddings')[id === padId ? padId : ++position]);
    return row.map((value, i) => value + sum(parts.map((part) => part[i])));
  });
  let stream = norm(embedded, 'embeddings.LayerNorm');

  for (let i = 0; i < layers; i++) {
    const layer = `encoder.layer.${i}`;
    const gte = family === 'gte';
    const projections = gte
      ? split(linear(stream, `${layer}.attention.qkv_proj`), 3)
      : ['query', 'key', 'value'].map((name) => linear(stream, `${layer}.attention.self.${name}`));
    const context = ids.map(() => [] as number[]);
    for (let head = 0; head < heads; head++) {
      const own = (x: Matrix) => x.map((row) => row.slice(head * headSize, (head + 1) * headSize));
      const [q, k, v] = projections.map(own);
      const [queries, keys] = gte ? [rotate(q, model), rotate(k, model)] : [q, k];
      for (const [at, query] of queries.entries()) {
        const weights = softmax(keys.map((key) => dot(query, key) / Math.sqrt(headSize)));
        for (let c = 0; c < headSize; c++) context[at].push(sum(weights.map((w, j) => w * v[j][c])));
      }
    }
    const names = gte
      ? { output: 'attention.o_proj', norm: 'attn_ln', down: 'mlp.down_proj', last: 'mlp_ln' }
      : {
          output: 'attention.output.dense',
          norm: 'attention.output.LayerNorm',
          down: 'output.dense',
          last: 'output.LayerNorm',
        };
    stream = norm(add(stream, linear(context, `${layer}.${names.output}`)), `${layer}.${names.norm}`);
    let inner: Matrix;
    if (gte) {
      const [up, gate] = split(linear(stream, `${layer}.mlp.up_gate_proj`), 2);
      inner = up.map((row, r) => row.map((value, c) => value * gelu(gate[r][c])));
    } else inner = linear(stream, `${layer}.intermediate.dense`).map((row) => row.map(gelu));
    stream = norm(add(stream, linear(inner, `${layer}.${names.down}`)), `${layer}.${names.last}`);
  }
  return stream[0];
}

/** Rotates the pairs (i, i + half) of each row by its position. */
function rotate(x: Matrix, { config }: RandomModel): Matrix {
  const size = x[0].length;
  const half = size / 2;
  const scaling = config.rope_scaling as { factor: number; mixed_b?: number } | undefined;
  const factor = scaling?.factor ?? 1;
  const mixed = scaling?.mixed_b;
  const theta = config.rope_theta as number;
  const frequency = (i: number): number => {
    if (mixed === undefined) return (theta * factor) ** ((-2 * i) / size) / factor ** (2 / size);
    return theta ** ((-2 * i) / size) / Math.exp((Math.log(factor) / half ** mixed) * (i + 1) ** mixed);
  };
  return x.map((row, position) =>
    row.map((value, i) => {
      const angle = position * frequency(i % half);
      const other = i < half ? -row[i + half] : row[i - half];
      return value * Math.cos(angle) + other * Math.sin(angle);
    }),
  );
}

/** x·Φ(x), with Φ by Simpson's rule. */
function gelu(x: number): number {
  const steps = 100;
  const density = (t: number) => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI);
  const width = x / steps;
  let area = density(0) + density(x);
  for (let i = 1; i < steps; i++) area += (i % 2 === 1 ? 4 : 2) * density(i * width);
  return x * (0.5 + (area * width) / 3);
}

function softmax(scores: readonly number[]): number[] {
  const largest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - largest));
  const total = sum(powers);
  return powers.map((power) => power / total);
}

function rowsOf({ tensors }: RandomModel, name: string): Matrix {
  const { shape, values } = tensors[name];
  const columns = shape[1];
  return Array.from({ length: shape[0] }, (_, row) => [
    ...values.subarray(row * columns, (row + 1) * columns),
  ]);
}

function split(x: Matrix, parts: number): Matrix[] {
  const width = x[0].length / parts;
  return Array.from({ length: parts }, (_, part) =>
    x.map((row) => row.slice(part * width, (part + 1) * width)),
  );
}

function add(a: Matrix, b: Matrix): Matrix {
  return a.map((row, r) => row.map((value, c) => value + b[r][c]));
}

function dot(a: readonly number[], b: readonly number[]): number {
  return sum(a.map((value, i) => value * b[i]));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
