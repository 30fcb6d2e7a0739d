import { describe, expect, test } from 'vitest';
import { refusal } from '../testing/refusal.ts';
import type { GraphNode } from './node.ts';
import { WeightMatcher } from './weight-matcher.ts';

const TABLE = 'embeddings.word_embeddings.weight';
const [UP, DOWN] = ['intermediate', 'output'].map((name) => `encoder.layer.0.${name}.dense.weight`);
const BIAS = 'encoder.layer.0.output.dense.bias';
const NEEDED = new Map<string, readonly number[]>([
  [TABLE, [9, 4]],
  [UP, [8, 4]],
  [DOWN, [4, 8]],
  [BIAS, [4]],
]);

function node(
  operator: string,
  inputs: readonly string[],
  output: string,
  { name = '', domain = '', ...attributes }: { name?: string; domain?: string; [key: string]: unknown } = {},
): GraphNode {
  const numbers = Object.entries(attributes).map(
    ([key, value]) => [key, [value].flat() as number[]] as const,
  );
  return { operator, domain, name, inputs, outputs: [output], attributes: new Map(numbers) };
}

const path = (weight: string, operator = 'MatMul') =>
  `/${weight
    .replace(/\.weight$/, '')
    .replaceAll('.', '/')
    .replace('layer/', 'layer.')}/${operator}`;

const lookup = node('Gather', [TABLE, 'input_ids'], 'x');
const up = node('MatMul', ['x', 'A'], 'u', { name: path(UP) });
const down = node('MatMul', ['u', 'B'], 'd', { name: path(DOWN) });

function sources(...nodes: readonly GraphNode[]) {
  const matcher = new WeightMatcher('model.onnx', NEEDED);
  for (const one of nodes) matcher.add(one);
  return matcher.sources();
}

/** What the projection to DOWN is found to be, with these nodes for it. */
const downOf = (...nodes: readonly GraphNode[]) =>
  [...sources(lookup, up, ...nodes)].find(([, { weight }]) => weight === DOWN);

const from = (name: string, transposed: boolean) => [name, { weight: DOWN, transposed }];

describe('a projection is found', () => {
  test('by the path of its module in the name of the MatMul, which takes [in, out]', () => {
    expect(downOf(down)).toEqual(from('B', true));
    expect(downOf({ ...down, name: path(DOWN, 'MatMul_17') })).toEqual(from('B', true));
  });

  test('by its own name, where the node has any', () => {
    expect(downOf(node('MatMul', ['u', DOWN], 'd', { name: 'MatMul_3' }))).toEqual(from(DOWN, true));
  });

  test('by the bias that is added to it, on either side, and behind casts', () => {
    const product = node('MatMul', ['u', 'B'], 'd');
    expect(downOf(product, node('Add', ['d', BIAS], 'y'))).toEqual(from('B', true));
    expect(downOf(product, node('Add', [BIAS, 'd'], 'y'))).toEqual(from('B', true));
    const casts = [node('Cast', ['d'], 'c'), node('Cast', [BIAS], 'b')];
    expect(downOf(product, ...casts, node('Add', ['c', 'b'], 'y'))).toEqual(from('B', true));
  });

  test('in a Gemm, which takes [in, out], or [out, in] with transB, and its bias', () => {
    const gemm = (attributes: Record<string, number>) => node('Gemm', ['u', 'B', BIAS], 'd', attributes);
    expect(downOf(gemm({}))).toEqual(from('B', true));
    expect(downOf(gemm({ transB: 0, alpha: 1, beta: 1 }))).toEqual(from('B', true));
    expect(downOf(gemm({ transB: 1 }))).toEqual(from('B', false));
  });

  test('behind Cast, Identity and Transpose, in any order', () => {
    const chain = [
      node('Cast', ['W'], 'w1'),
      node('Transpose', ['w1'], 'w2', { perm: [1, 0] }),
      node('Identity', ['w2'], 'B'),
    ];
    expect(downOf(...chain, down)).toEqual(from('W', false));
    expect(downOf(...chain, node('Transpose', ['B'], 'B2'), { ...down, inputs: ['u', 'B2'] })).toEqual(
      from('W', true),
    );
  });

  test('once where two nodes use it in the same way', () => {
    expect(downOf(down, { ...down, outputs: ['e'] })).toEqual(from('B', true));
  });
});

test('a table is found by its own name or by the path of its Gather, as it is', () => {
  expect(sources(lookup, up, down).get(TABLE)).toEqual({ weight: TABLE, transposed: false });
  const gather = node('Gather', ['T', 'ids'], 'x', { name: path(TABLE, 'Gather'), axis: 0 });
  expect(sources(gather, up, down).get('T')).toEqual({ weight: TABLE, transposed: false });
});

test('a vector under another name is found by the Identity or Cast that gives it its own', () => {
  const renamed = node('Identity', ['shared'], BIAS);
  expect(sources(lookup, up, down, renamed).get('shared')).toEqual({ weight: BIAS, transposed: false });
});

test('names are found with and without a prefix', () => {
  const matcher = new WeightMatcher('model.onnx', NEEDED);
  for (const prefix of ['', 'new.', 'roberta.']) expect(matcher.weightNamed(prefix + BIAS)).toBe(BIAS);
  for (const other of ['bert.', 'new.new.', 'x']) expect(matcher.weightNamed(other + BIAS)).toBeUndefined();
});

describe('a graph is refused', () => {
  test.each<[string, RegExp, ...GraphNode[]]>([
    [
      'where no node takes a matrix',
      /no MatMul, Gemm or Gather .* takes encoder\.layer\.0\.output\.dense\.weight/,
      up,
    ],
    ['without nodes', /takes .*word_embeddings\.weight, encoder.*, encoder.*dense\.weight\. Choose/],
    [
      'where name and bias say different things',
      /B may be .*intermediate\.dense\.weight or .*output\.dense\.weight/,
      node('MatMul', ['u', 'B'], 'd', { name: path(UP) }),
      node('Add', ['d', BIAS], 'y'),
    ],
    [
      'where two initialisers claim one weight',
      /output\.dense\.weight may be B or C; needed: one of one/,
      down,
      { ...down, inputs: ['u', 'C'] },
    ],
    [
      'where one initialiser is two weights',
      /A may be .*intermediate\.dense\.weight or .*output\.dense\.weight/,
      { ...down, inputs: ['u', 'A'] },
    ],
    [
      'where a weight is handed on under the name of another',
      /word_embeddings\.weight may be .*word_embeddings\.weight or .*output\.dense\.bias/,
      down,
      node('Identity', [TABLE], BIAS),
    ],
    [
      'where a matrix is used both ways round',
      /B is used both as it is and transposed/,
      down,
      node('Gemm', ['u', 'B'], 'e', { name: path(DOWN, 'Gemm'), transB: 1 }),
    ],
    [
      'where a matrix is computed',
      /output\.dense\.weight comes out of a node Mul; needed: an initialiser/,
      node('Mul', ['W', 'scale'], 'B'),
      down,
    ],
    [
      'where a matrix is a constant of a node',
      /output\.dense\.weight comes out of a node Constant/,
      node('Constant', [], 'B'),
      down,
    ],
    [
      'where a projection is scaled',
      /no MatMul, Gemm or Gather/,
      node('Gemm', ['u', 'B', BIAS], 'd', { alpha: 0.5 }),
    ],
    [
      'where the operator is somebody else’s',
      /no MatMul, Gemm or Gather/,
      { ...down, domain: 'com.microsoft' },
    ],
    [
      'where a table is read by columns',
      /no MatMul/,
      { ...down, operator: 'Gather', attributes: new Map([['axis', [1]]]) },
    ],
    [
      'where weights are dequantised',
      /its weights are quantised \(there is a node DequantizeLinear\); needed: numbers in float32/,
      node('DequantizeLinear', ['q', 'scale'], 'B'),
      down,
    ],
    [
      'where products are of integers',
      /its weights are quantised \(there is a node MatMulInteger\)/,
      { ...down, operator: 'MatMulInteger' },
    ],
    [
      'where weights are in blocks of 4 bits',
      /its weights are quantised \(there is a node MatMulNBits\)/,
      { ...down, operator: 'MatMulNBits', domain: 'com.microsoft' },
    ],
  ])('%s', async (name, words, ...nodes) => {
    const before = name === 'without nodes' ? [] : [lookup, ...(nodes[0] === up ? [] : [up])];
    expect(await refusal(() => sources(...before, ...nodes))).toMatch(
      new RegExp(`^unsupported-model: model\\.onnx .*${words.source}`),
    );
  });

  test('not for nodes that lack inputs, outputs and names', () => {
    const bare = 'Cast Identity Transpose MatMul Gemm Gather Add Constant'
      .split(' ')
      .map((operator) => ({ ...node(operator, [], ''), outputs: [] }));
    expect(sources(...bare, lookup, up, down).size).toBe(3);
  });
});
