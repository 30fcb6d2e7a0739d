/**
 * Writes an XLM-RoBERTa encoder as an ONNX file, as exporters write it: separate projections, attention in primitive
 * operators with an additive mask, GELU by way of Erf. Only what such a graph needs of the format is here. It runs in Node for the
 * benches, and in the page that races the engines.
 *
 * With `int8` the weights are quantised per output channel and the activations at run time (DynamicQuantizeLinear and MatMulInteger), as
 * the quantised files on the Hugging Face hub are.
 */

const encoder = new TextEncoder();

/** @param parts - arrays of bytes, and lists of such. */
function message(...parts) {
  const all = parts.flat();
  const whole = new Uint8Array(all.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of all) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

// The wire format of Protocol Buffers: fields of a number and a type, 0 for integers and 2 for bytes.
function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

const integer = (field, value) => message(varint(field << 3), varint(value));

function bytes(field, content) {
  const body = typeof content === 'string' ? encoder.encode(content) : content;
  return message(varint((field << 3) | 2), varint(body.length), body);
}

function float(field, value) {
  const four = new Uint8Array(4);
  new DataView(four.buffer).setFloat32(0, value, true);
  return message(varint((field << 3) | 5), four);
}

/** TensorProto.DataType. */
const TYPES = { float: 1, int8: 3, int64: 7 };

function tensor(name, type, shape, data) {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return message(
    shape.map((size) => integer(1, size)),
    integer(2, TYPES[type]),
    bytes(8, name),
    bytes(9, raw),
  );
}

function attribute(name, value) {
  if (Array.isArray(value))
    return message(
      bytes(1, name),
      value.map((one) => integer(8, one)),
      integer(20, 7),
    );
  if (Number.isInteger(value)) return message(bytes(1, name), integer(3, value), integer(20, 2));
  return message(bytes(1, name), float(2, value), integer(20, 1));
}

function valueInfo(name, type, dimensions) {
  const shape = message(
    dimensions.map((size) => bytes(1, typeof size === 'string' ? bytes(2, size) : integer(1, size))),
  );
  return message(bytes(1, name), bytes(2, bytes(1, message(integer(1, TYPES[type]), bytes(2, shape)))));
}

/** Gathers the nodes and constants of a graph; every method returns the name of what it makes. */
class Graph {
  nodes = [];
  initializers = [];
  count = 0;

  constant(name, type, shape, data) {
    this.initializers.push(bytes(5, tensor(name, type, shape, data)));
    return name;
  }

  integers(...values) {
    return this.constant(`c${this.count++}`, 'int64', [values.length], BigInt64Array.from(values, BigInt));
  }

  scalar(value) {
    return this.constant(`c${this.count++}`, 'float', [], Float32Array.of(value));
  }

  node(operator, inputs, attributes = {}, outputs = 1, name = `t${this.count++}`) {
    const names = outputs === 1 ? [name] : Array.from({ length: outputs }, (_, i) => `${name}.${i}`);
    this.nodes.push(
      bytes(
        1,
        message(
          inputs.map((input) => bytes(1, input)),
          names.map((output) => bytes(2, output)),
          bytes(3, `${operator}_${this.count++}`),
          bytes(4, operator),
          Object.entries(attributes).map(([key, value]) => bytes(5, attribute(key, value))),
        ),
      ),
    );
    return outputs === 1 ? name : names;
  }
}

/** Most positions of a table of rotations. */
const POSITIONS = 8192;

/**
 * @param config - of config.json, of either family.
 * @param weights - `{ name: { shape, values: Float32Array } }`.
 * @returns the file. Inputs are input_ids and attention_mask, the output is last_hidden_state.
 */
export function toOnnx(config, weights, { int8 = false } = {}) {
  const graph = new Graph();
  const { hidden_size: hidden, num_attention_heads: heads, model_type: family } = config;
  const headSize = hidden / heads;
  const mask = 'attention_mask';
  const add = (a, b) => graph.node('Add', [a, b]);
  const weight = (name) => graph.constant(name, 'float', weights[name].shape, weights[name].values);

  const linear = (x, name) => {
    const { shape, values } = weights[`${name}.weight`];
    const product = int8
      ? quantisedProduct(graph, x, name, shape, values)
      : graph.node('MatMul', [
          x,
          graph.constant(`${name}.weight`, 'float', [shape[1], shape[0]], transpose(values, shape)),
        ]);
    return weights[`${name}.bias`] ? add(product, weight(`${name}.bias`)) : product;
  };
  const norm = (x, name) =>
    graph.node('LayerNormalization', [x, weight(`${name}.weight`), weight(`${name}.bias`)], {
      axis: -1,
      epsilon: config.layer_norm_eps,
    });
  const gelu = (x) => {
    const erf = graph.node('Erf', [graph.node('Div', [x, graph.scalar(Math.SQRT2)])]);
    return graph.node('Mul', [graph.node('Mul', [x, add(erf, graph.scalar(1))]), graph.scalar(0.5)]);
  };

  // Positions count the tokens that are no padding, from 1 on.
  const axis = graph.constant('axis', 'int64', [], BigInt64Array.of(1n));
  const counted = graph.node('Mul', [graph.node('CumSum', [mask, axis]), mask]);
  const offset = (by) => add(counted, graph.constant('offset', 'int64', [], BigInt64Array.of(BigInt(by))));

  const types = graph.constant(
    'types',
    'float',
    [hidden],
    weights['embeddings.token_type_embeddings.weight'].values.slice(0, hidden),
  );
  let stream = add(graph.node('Gather', [weight('embeddings.word_embeddings.weight'), 'input_ids']), types);

  const split = graph.integers(0, 0, heads, headSize);
  const joined = graph.integers(0, 0, hidden);
  const ofHeads = (x, perm) => graph.node('Transpose', [graph.node('Reshape', [x, split])], { perm });
  const seen = graph.node('Cast', [graph.node('Unsqueeze', [mask, graph.integers(1, 2)])], {
    to: TYPES.float,
  });
  const penalty = graph.node('Mul', [graph.node('Sub', [graph.scalar(1), seen]), graph.scalar(-3.4e38)]);
  /** @param key - `[batch, heads, headSize, sequence]`. */
  const attention = (query, key, value) => {
    const scores = graph.node('Div', [graph.node('MatMul', [query, key]), graph.scalar(Math.sqrt(headSize))]);
    const shares = graph.node('Softmax', [add(scores, penalty)], { axis: -1 });
    const mixed = graph.node('Transpose', [graph.node('MatMul', [shares, value])], { perm: [0, 2, 1, 3] });
    return graph.node('Reshape', [mixed, joined]);
  };

  if (family === 'gte') {
    const rotate = rotation(graph, config, offset(-1));
    stream = norm(stream, 'embeddings.LayerNorm');
    for (let i = 0; i < config.num_hidden_layers; i++) {
      const layer = `encoder.layer.${i}`;
      const packed = linear(stream, `${layer}.attention.qkv_proj`);
      const [q, k, v] = graph.node(
        'Split',
        [packed, graph.integers(hidden, hidden, hidden)],
        { axis: -1 },
        3,
      );
      const key = graph.node('Transpose', [rotate(ofHeads(k, [0, 2, 1, 3]))], { perm: [0, 1, 3, 2] });
      const context = attention(rotate(ofHeads(q, [0, 2, 1, 3])), key, ofHeads(v, [0, 2, 1, 3]));
      stream = norm(add(linear(context, `${layer}.attention.o_proj`), stream), `${layer}.attn_ln`);

      const both = linear(stream, `${layer}.mlp.up_gate_proj`);
      const sizes = graph.integers(config.intermediate_size, config.intermediate_size);
      const [up, gate] = graph.node('Split', [both, sizes], { axis: -1 }, 2);
      const inner = graph.node('Mul', [gelu(gate), up]);
      stream = norm(add(linear(inner, `${layer}.mlp.down_proj`), stream), `${layer}.mlp_ln`);
    }
  } else {
    const places = graph.node('Gather', [
      weight('embeddings.position_embeddings.weight'),
      offset(config.pad_token_id),
    ]);
    stream = norm(add(stream, places), 'embeddings.LayerNorm');
    for (let i = 0; i < config.num_hidden_layers; i++) {
      const layer = `encoder.layer.${i}`;
      const part = (name, perm) => ofHeads(linear(stream, `${layer}.attention.self.${name}`), perm);
      const context = attention(
        part('query', [0, 2, 1, 3]),
        part('key', [0, 2, 3, 1]),
        part('value', [0, 2, 1, 3]),
      );
      const attended = linear(context, `${layer}.attention.output.dense`);
      stream = norm(add(attended, stream), `${layer}.attention.output.LayerNorm`);
      const inner = gelu(linear(stream, `${layer}.intermediate.dense`));
      stream = norm(add(linear(inner, `${layer}.output.dense`), stream), `${layer}.output.LayerNorm`);
    }
  }
  graph.node('Identity', [stream], {}, 1, 'last_hidden_state');

  const shape = ['batch', 'sequence'];
  const content = message(
    graph.nodes,
    bytes(2, 'encoder'),
    graph.initializers,
    bytes(11, valueInfo('input_ids', 'int64', shape)),
    bytes(11, valueInfo('attention_mask', 'int64', shape)),
    bytes(12, valueInfo('last_hidden_state', 'float', [...shape, hidden])),
  );
  const opset = message(bytes(1, ''), integer(2, 17));
  return message(integer(1, 8), bytes(2, 'sterna bench'), bytes(7, content), bytes(8, opset));
}

/** Rotary position embedding of `[batch, heads, sequence, headSize]`: x · cos + (−x₂, x₁) · sin. */
function rotation(graph, { hidden_size: hidden, num_attention_heads: heads, rope_theta: theta }, positions) {
  const size = hidden / heads;
  // Padding has the position −1, and gets the first row's.
  const within = graph.node('Max', [positions, graph.constant('first', 'int64', [], BigInt64Array.of(0n))]);
  const [cosine, sine] = [Math.cos, Math.sin].map((of, i) => {
    const values = Float32Array.from({ length: POSITIONS * size }, (_, at) =>
      of(Math.floor(at / size) * theta ** ((-2 * (at % (size / 2))) / size)),
    );
    const rows = graph.node('Gather', [
      graph.constant(`angles${i}`, 'float', [POSITIONS, size], values),
      within,
    ]);
    return graph.node('Unsqueeze', [rows, graph.integers(1)]);
  });
  const halves = graph.integers(size / 2, size / 2);
  return (x) => {
    const [low, high] = graph.node('Split', [x, halves], { axis: -1 }, 2);
    const turned = graph.node('Concat', [graph.node('Neg', [high]), low], { axis: -1 });
    return graph.node('Add', [graph.node('Mul', [x, cosine]), graph.node('Mul', [turned, sine])]);
  };
}

function transpose(values, [rows, columns]) {
  const result = new Float32Array(values.length);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) result[c * rows + r] = values[r * columns + c];
  return result;
}

/** x·Wᵀ in int8: one scale for each output, and one for x, found at run time. */
function quantisedProduct(graph, x, name, [outputs, inner], values) {
  const codes = new Int8Array(values.length);
  const scales = new Float32Array(outputs);
  for (let o = 0; o < outputs; o++) {
    let most = 0;
    for (let i = 0; i < inner; i++) most = Math.max(most, Math.abs(values[o * inner + i]));
    scales[o] = most / 127 || 1;
    for (let i = 0; i < inner; i++) codes[i * outputs + o] = Math.round(values[o * inner + i] / scales[o]);
  }
  const w = graph.constant(`${name}.codes`, 'int8', [inner, outputs], codes);
  const zero = graph.constant(`${name}.zero`, 'int8', [outputs], new Int8Array(outputs));
  const [quantised, scale, zeroPoint] = graph.node('DynamicQuantizeLinear', [x], {}, 3);
  const sums = graph.node('MatMulInteger', [quantised, w, zeroPoint, zero]);
  const both = graph.node('Mul', [scale, graph.constant(`${name}.scales`, 'float', [outputs], scales)]);
  return graph.node('Mul', [graph.node('Cast', [sums], { to: TYPES.float }), both]);
}
