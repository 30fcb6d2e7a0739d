/**
 * The nodes of an encoder's ONNX graph in the names that torch's exporter gives them: each is called by the path of its
 * module and its operator, and counted where there are several. Matrices have no names of their own there, and lie as `[inputs, outputs]`.
 */
import { bytes, integer, message } from './protobuf.mjs';
import { numbersOf } from './random-values.mjs';

/** TensorProto.DataType. */
export const TYPES = { float: 1, int64: 7, bool: 9, half: 10 };

/** AttributeProto.AttributeType. */
const ATTRIBUTES = { int: 2, tensor: 4, ints: 7 };

/** The largest of the numbers that a slice may end at. */
const END = 2n ** 63n - 1n;

/**
 * @typedef {object} EncoderGraph
 * @property {Buffer[]} nodes - NodeProto messages.
 * @property {Set<string>} named - the tensors of the checkpoint that keep their names.
 * @property {{ name: string, tensor: string }[]} matrices - the names that matrices get, and those they have in the checkpoint.
 * @property {{ name: string, width: number }[]} products - the outputs of products with matrices.
 */

/**
 * @param {'gte' | 'xlm-roberta'} family
 * @param {import('./tensors.mjs').Size} size
 * @param {{ half: boolean, epsilon: number, theta: number, padId: number }} options
 * @returns {EncoderGraph}
 */
export function encoderGraph(family, size, options) {
  const graph = new Graph(options.half);
  const output = options.half ? 'graph_output_cast_0' : 'token_embeddings';
  const write = family === 'gte' ? writeGte : writeRoberta;
  const first = write(graph, size, options, output);
  writePooling(graph, output, first);
  return graph;
}

class Graph {
  nodes = [];
  named = new Set();
  matrices = [];
  products = [];
  /** How many nodes there are of each name. */
  #counts = new Map();
  /** The number of the next name that is no module's. */
  #anonymous = 100;

  constructor(half) {
    this.half = half;
    this.float = half ? TYPES.half : TYPES.float;
  }

  /** A node. @returns the name of its output, or of all of them where there are several. */
  node(scope, operator, inputs, attributes = [], { outputs = 1, as } = {}) {
    const name = this.#nameOf(scope, operator);
    const names = as ? [as] : Array.from({ length: outputs }, (_, i) => `${name}_output_${i}`);
    this.#push(name, operator, inputs, names, attributes);
    return outputs === 1 ? names[0] : names;
  }

  /** A node of another name than its module's. */
  nodeNamed(name, operator, inputs, output, attributes = []) {
    this.#push(name, operator, inputs, [output], attributes);
    return output;
  }

  integers(scope, ...values) {
    return this.node(scope, 'Constant', [], [tensorAttribute([values.length], TYPES.int64, int64(values))]);
  }

  integer(scope, value) {
    return this.node(scope, 'Constant', [], [tensorAttribute([], TYPES.int64, int64([value]))]);
  }

  /** A whole number that the exporter has made on its own. */
  anonymousInteger(value) {
    const number = this.#anonymous++;
    const attributes = [tensorAttribute([1], TYPES.int64, int64([value]))];
    return this.nodeNamed(`Constant_${number}`, 'Constant', [], `onnx::Unsqueeze_${number}`, attributes);
  }

  numbers(scope, shape, values) {
    const data = numbersOf(values, this.half);
    return this.node(scope, 'Constant', [], [tensorAttribute(shape, this.float, data)]);
  }

  /** A number. Converters make one that is too small for a half the smallest half. */
  number(scope, value) {
    return this.numbers(scope, [], [this.half && value > 0 ? Math.max(value, 2 ** -24) : value]);
  }

  /** A tensor of the checkpoint under its own name. */
  weight(tensor) {
    this.named.add(tensor);
    return tensor;
  }

  /** A product with a matrix of the checkpoint, and its bias where it has one. @param module - `encoder.layer.0.mlp.down_proj`. */
  linear(module, input, width, { bias = true } = {}) {
    const scope = scopeOf(module);
    const name = `onnx::MatMul_${this.#anonymous++}`;
    this.matrices.push({ name, tensor: `${module}.weight` });
    const product = this.node(scope, 'MatMul', [input, name]);
    this.products.push({ name: product, width });
    return bias ? this.node(scope, 'Add', [this.weight(`${module}.bias`), product]) : product;
  }

  norm(module, input, epsilon, as) {
    const scope = scopeOf(module);
    const mean = this.node(scope, 'ReduceMean', [input], [integersAttribute('axes', [-1])]);
    const centred = this.node(scope, 'Sub', [input, mean]);
    const squared = this.node(scope, 'Pow', [centred, this.number(scope, 2)]);
    const variance = this.node(scope, 'ReduceMean', [squared], [integersAttribute('axes', [-1])]);
    const safe = this.node(scope, 'Add', [variance, this.number(scope, epsilon)]);
    const normal = this.node(scope, 'Div', [centred, this.node(scope, 'Sqrt', [safe])]);
    const scaled = this.node(scope, 'Mul', [normal, this.weight(`${module}.weight`)]);
    return this.node(scope, 'Add', [scaled, this.weight(`${module}.bias`)], [], { as });
  }

  gelu(scope, input) {
    const erf = this.node(scope, 'Erf', [this.node(scope, 'Div', [input, this.number(scope, Math.SQRT2)])]);
    const above = this.node(scope, 'Add', [erf, this.number(scope, 1)]);
    return this.node(scope, 'Mul', [this.node(scope, 'Mul', [input, above]), this.number(scope, 0.5)]);
  }

  /** One size of a tensor. */
  sizeOf(scope, tensor, axis) {
    const shape = this.node(scope, 'Shape', [tensor]);
    return this.node(scope, 'Gather', [shape, this.integer(scope, axis)], [intAttribute('axis', 0)]);
  }

  /** The shape `[batch, sequence, …sizes]`. */
  shapeOf(scope, batch, sequence, sizes) {
    const outer = [batch, sequence].map((one) =>
      this.node(scope, 'Unsqueeze', [one, this.anonymousInteger(0)]),
    );
    const inner = sizes.map((value) => this.integers(scope, value));
    return this.node(scope, 'Concat', [...outer, ...inner], [intAttribute('axis', 0)]);
  }

  reshape(scope, input, shape) {
    return this.node(scope, 'Reshape', [input, shape], [intAttribute('allowzero', 0)]);
  }

  transpose(scope, input, order) {
    return this.node(scope, 'Transpose', [input], [integersAttribute('perm', order)]);
  }

  unsqueeze(scope, input, axis) {
    return this.node(scope, 'Unsqueeze', [input, this.integers(scope, axis)]);
  }

  /** 0 for tokens and the lowest number for padding, `[batch, 1, 1, sequence]`. */
  mask() {
    const seen = this.unsqueeze('', this.unsqueeze('', 'attention_mask', 1), 2);
    const cast = this.node('', 'Cast', [seen], [intAttribute('to', this.float)]);
    const padding = this.node('', 'Sub', [this.number('', 1), cast]);
    return this.node('', 'Mul', [padding, this.number('', this.half ? -65504 : -3.4028234663852886e38)]);
  }

  #nameOf(scope, operator) {
    const name = `${scope}/${operator}`;
    const count = this.#counts.get(name) ?? 0;
    this.#counts.set(name, count + 1);
    return count === 0 ? name : `${name}_${count}`;
  }

  #push(name, operator, inputs, outputs, attributes) {
    const fields = [
      inputs.map((input) => bytes(1, input)),
      outputs.map((output) => bytes(2, output)),
      bytes(3, name),
      bytes(4, operator),
      attributes.map((attribute) => bytes(5, attribute)),
    ];
    this.nodes.push(message(fields));
  }
}

function writeGte(graph, { hidden, layers, heads, intermediate, positions }, { epsilon, theta }, output) {
  const headSize = hidden / heads;
  const sequence = graph.sizeOf('', 'input_ids', 1);
  const first = graph.integer('', 0);
  const mask = graph.mask();

  const words = lookUp(graph, 'word_embeddings', 'input_ids');
  const zeros = graph.node('/embeddings', 'Mul', ['input_ids', graph.integer('/embeddings', 0)]);
  const types = lookUp(graph, 'token_type_embeddings', zeros);
  let stream = graph.node('/embeddings', 'Add', [words, types]);
  stream = graph.norm('embeddings.LayerNorm', stream, epsilon);

  const tables = [Math.cos, Math.sin].map((of) => {
    const table = graph.numbers('', [positions, headSize], rotations(of, positions, headSize, theta));
    const axis = graph.integers('', 0);
    const start = graph.integers('', 0);
    const end = graph.unsqueeze('', sequence, 0);
    const rows = graph.node('', 'Slice', [table, start, end, axis, graph.integers('', 1)]);
    return graph.unsqueeze('', graph.unsqueeze('', rows, 0), 2);
  });

  for (let i = 0; i < layers; i++) {
    const layer = `encoder.layer.${i}`;
    const scope = scopeOf(`${layer}.attention`);
    const sizes = [0, 1].map((axis) => graph.sizeOf(scope, stream, axis));
    const packed = graph.linear(`${layer}.attention.qkv_proj`, stream, 3 * hidden);
    const parts = graph.node(
      scope,
      'Split',
      [packed, graph.integers(scope, hidden, hidden, hidden)],
      [intAttribute('axis', -1)],
      { outputs: 3 },
    );
    const shapes = parts.map(() => graph.shapeOf(scope, ...sizes, [heads, headSize]));
    const [query, key, value] = parts.map((part, at) => graph.reshape(scope, part, shapes[at]));
    const turned = [query, key].map((part) => rotate(graph, scope, part, headSize, tables));
    const queries = graph.transpose(scope, turned[0], [0, 2, 1, 3]);
    const keys = graph.transpose(scope, turned[1], [0, 2, 3, 1]);
    const scores = graph.node(scope, 'MatMul', [queries, keys]);
    const scaled = graph.node(scope, 'Div', [scores, graph.number(scope, Math.sqrt(headSize))]);
    const masked = graph.node(scope, 'Add', [scaled, mask]);
    const shares = graph.node(scope, 'Softmax', [masked], [intAttribute('axis', -1)]);
    const values = graph.transpose(scope, value, [0, 2, 1, 3]);
    const mixed = graph.transpose(scope, graph.node(scope, 'MatMul', [shares, values]), [0, 2, 1, 3]);
    const context = graph.reshape(scope, mixed, graph.shapeOf(scope, ...sizes, [hidden]));
    const attended = graph.linear(`${layer}.attention.o_proj`, context, hidden);
    const sum = graph.node(scopeOf(layer), 'Add', [stream, attended]);
    stream = graph.norm(`${layer}.attn_ln`, sum, epsilon);

    const mlp = scopeOf(`${layer}.mlp`);
    const both = graph.linear(`${layer}.mlp.up_gate_proj`, stream, 2 * intermediate, { bias: false });
    const [up, gate] = graph.node(
      mlp,
      'Split',
      [both, graph.integers(mlp, intermediate, intermediate)],
      [intAttribute('axis', -1)],
      { outputs: 2 },
    );
    const inner = graph.node(mlp, 'Mul', [graph.gelu(`${mlp}/act_fn`, gate), up]);
    const down = graph.linear(`${layer}.mlp.down_proj`, inner, hidden);
    const total = graph.node(scopeOf(layer), 'Add', [stream, down]);
    stream = graph.norm(`${layer}.mlp_ln`, total, epsilon, i === layers - 1 ? output : undefined);
  }
  return first;
}

/**
 * As the exporter writes it but for the mask and the types of tokens, which take it a hundred nodes to make: the mask is made as GTE's here.
 */
function writeRoberta(graph, { hidden, layers, heads, intermediate }, { epsilon, padId }, output) {
  const headSize = hidden / heads;
  const embeddings = '/embeddings';
  const padding = graph.node(embeddings, 'Equal', ['input_ids', graph.integer(embeddings, padId)]);
  const real = graph.node(embeddings, 'Not', [padding]);
  const counts = graph.node(embeddings, 'Cast', [real], [intAttribute('to', TYPES.int64)]);
  const running = graph.node(embeddings, 'CumSum', [counts, graph.integer(embeddings, 1)]);
  const numbered = graph.node(embeddings, 'Mul', [running, counts]);
  const positions = graph.node(embeddings, 'Add', [numbered, graph.integer(embeddings, padId)]);
  const first = graph.integer(embeddings, 0);
  // The exporter widens a row of zeros twice on its way to the type of each token.
  const shape = graph.node(embeddings, 'Shape', ['input_ids']);
  const row = graph.node(embeddings, 'Expand', [graph.integers(embeddings, 0), shape]);
  const zeros = graph.node(embeddings, 'Expand', [row, shape]);

  const words = lookUp(graph, 'word_embeddings', 'input_ids');
  const types = lookUp(graph, 'token_type_embeddings', zeros);
  let stream = graph.node(embeddings, 'Add', [words, types]);
  const places = lookUp(graph, 'position_embeddings', positions);
  stream = graph.node(embeddings, 'Add', [stream, places]);
  stream = graph.norm('embeddings.LayerNorm', stream, epsilon);

  const [batch, sequence] = [0, 1].map((axis) => graph.sizeOf('', stream, axis));
  const mask = graph.mask();
  for (let i = 0; i < layers; i++) {
    const layer = `encoder.layer.${i}`;
    const self = scopeOf(`${layer}.attention.self`);
    const part = (name) => {
      const projected = graph.linear(`${layer}.attention.self.${name}`, stream, hidden);
      return graph.reshape(self, projected, graph.shapeOf(self, batch, sequence, [heads, headSize]));
    };
    const queries = graph.transpose(self, part('query'), [0, 2, 1, 3]);
    const key = part('key');
    const values = graph.transpose(self, part('value'), [0, 2, 1, 3]);
    const keys = graph.transpose(self, key, [0, 2, 3, 1]);
    const scores = graph.node(self, 'MatMul', [queries, keys]);
    const scaled = graph.node(self, 'Mul', [scores, graph.number(self, 1 / Math.sqrt(headSize))]);
    const masked = graph.node(self, 'Add', [scaled, mask]);
    const shares = graph.node(self, 'Softmax', [masked], [intAttribute('axis', -1)]);
    const mixed = graph.transpose(self, graph.node(self, 'MatMul', [shares, values]), [0, 2, 1, 3]);
    const context = graph.reshape(self, mixed, graph.shapeOf(self, batch, sequence, [hidden]));
    const attended = graph.linear(`${layer}.attention.output.dense`, context, hidden);
    const sum = graph.node(scopeOf(`${layer}.attention.output`), 'Add', [attended, stream]);
    stream = graph.norm(`${layer}.attention.output.LayerNorm`, sum, epsilon);

    const up = graph.linear(`${layer}.intermediate.dense`, stream, intermediate);
    const inner = graph.gelu(scopeOf(`${layer}.intermediate.intermediate_act_fn`), up);
    const down = graph.linear(`${layer}.output.dense`, inner, hidden);
    const total = graph.node(scopeOf(`${layer}.output`), 'Add', [down, stream]);
    const last = i === layers - 1;
    stream = graph.norm(`${layer}.output.LayerNorm`, total, epsilon, last ? output : undefined);
  }
  return first;
}

/** The first row of each text, made unit length; and both outputs as float32. */
function writePooling(graph, output, first) {
  const row = graph.node('', 'Gather', [output, first], [intAttribute('axis', 1)]);
  const axes = [integersAttribute('axes', [-1]), intAttribute('keepdims', 1)];
  const length = graph.node('', 'ReduceL2', [row], axes);
  const safe = graph.node('', 'Clip', [length, graph.number('', 1e-12), '']);
  const wide = graph.node('', 'Expand', [safe, graph.node('', 'Shape', [row])]);
  const as = graph.half ? 'graph_output_cast_1' : 'sentence_embedding';
  graph.node('', 'Div', [row, wide], [], { as });
  if (!graph.half) return;
  for (const [i, name] of ['token_embeddings', 'sentence_embedding'].entries()) {
    const to = [intAttribute('to', TYPES.float)];
    graph.nodeNamed(`graph_output_cast${i}`, 'Cast', [`graph_output_cast_${i}`], name, to);
  }
}

function lookUp(graph, table, ids) {
  return graph.node(`/embeddings/${table}`, 'Gather', [graph.weight(`embeddings.${table}.weight`), ids]);
}

/** x · cos + (−x₂, x₁) · sin. */
function rotate(graph, scope, input, headSize, [cosine, sine]) {
  const slice = (from, to) => {
    const axis = graph.integers(scope, 3);
    const bounds = [from, to].map((at) => graph.integers(scope, at));
    return graph.node(scope, 'Slice', [input, ...bounds, axis, graph.integers(scope, 1)]);
  };
  const along = graph.node(scope, 'Mul', [input, cosine]);
  const high = graph.node(scope, 'Neg', [slice(headSize / 2, END)]);
  const turned = graph.node(scope, 'Concat', [high, slice(0, headSize / 2)], [intAttribute('axis', -1)]);
  return graph.node(scope, 'Add', [along, graph.node(scope, 'Mul', [turned, sine])]);
}

/** `[positions, headSize]`: rounded to float32 at each step, as the published code does. */
function rotations(of, positions, headSize, theta) {
  const half = headSize / 2;
  const frequencies = Float32Array.from({ length: half }, (_, i) => 1 / Math.fround(theta ** (i / half)));
  const values = new Float32Array(positions * headSize);
  for (let p = 0, at = 0; p < positions; p++) {
    for (let i = 0; i < headSize; i++, at++) values[at] = of(Math.fround(p * frequencies[i % half]));
  }
  return values;
}

/** `encoder.layer.0.mlp` → `/encoder/layer.0/mlp`: the number of a layer stays with its list. */
const scopeOf = (module) => `/${module.replaceAll('.', '/').replace(/layer\/(\d+)/, 'layer.$1')}`;

function int64(values) {
  const data = Buffer.alloc(8 * values.length);
  for (const [i, value] of values.entries()) data.writeBigInt64LE(BigInt(value), 8 * i);
  return data;
}

const intAttribute = (name, value) => message(bytes(1, name), integer(3, value), integer(20, ATTRIBUTES.int));

const integersAttribute = (name, values) =>
  message(
    bytes(1, name),
    values.map((value) => integer(8, value)),
    integer(20, ATTRIBUTES.ints),
  );

function tensorAttribute(shape, type, data) {
  const dimensions = shape.map((size) => integer(1, size));
  const tensor = message(dimensions, integer(2, type), bytes(9, data));
  return message(bytes(1, 'value'), bytes(5, tensor), integer(20, ATTRIBUTES.tensor));
}
