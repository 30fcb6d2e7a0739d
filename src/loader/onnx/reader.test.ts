import { describe, expect, test } from 'vitest';
import type { IncomingTensor } from '../incoming.ts';
import {
  bytes,
  DataType,
  floatBytes,
  integer,
  join,
  text,
  varint,
  type WrittenInitialiser,
  type WrittenNode,
  writeInitialiser,
  writeModel,
  writeNode,
  writeOnnx,
} from '../testing/onnx-writer.ts';
import { refusal } from '../testing/refusal.ts';
import { onnxWeights, readOnnx } from './index.ts';
import { collect, streamOf } from './testing/streams.ts';

const TABLE = 'embeddings.word_embeddings.weight';
const WEIGHT = 'encoder.layer.0.output.dense.weight';
const BIAS = 'encoder.layer.0.output.dense.bias';
const NEEDED = new Map<string, readonly number[]>([
  [TABLE, [4, 2]],
  [WEIGHT, [3, 2]],
  [BIAS, [3]],
]);

const LOOKUP: WrittenNode = {
  operator: 'Gather',
  name: '/embeddings/word_embeddings/Gather',
  inputs: [TABLE, 'input_ids'],
  outputs: ['x'],
};
const PRODUCT: WrittenNode = {
  operator: 'MatMul',
  name: '/encoder/layer.0/output/dense/MatMul',
  inputs: ['x', 'onnx::MatMul_7'],
  outputs: ['y'],
};
const SUM: WrittenNode = { operator: 'Add', inputs: [BIAS, 'y'], outputs: ['z'] };
const NODES = [LOOKUP, PRODUCT, SUM];

const tableOf = { name: TABLE, dims: [4, 2], raw: floatBytes([1, 2, 3, 4, 5, 6, 7, 8]) };
const biasOf = { name: BIAS, dims: [3], raw: floatBytes([9, 10, 11]) };
/** [in, out]. */
const weightOf = { name: 'onnx::MatMul_7', dims: [2, 3], raw: floatBytes([12, 13, 14, 15, 16, 17]) };
const INITIALISERS: readonly WrittenInitialiser[] = [tableOf, biasOf, weightOf];
const VALID = writeOnnx(NODES, INITIALISERS);

async function read(file: Uint8Array<ArrayBuffer>, needed = NEEDED): Promise<IncomingTensor[]> {
  return collect(readOnnx(streamOf(file), needed));
}

/** The valid file with another initialiser in place of the one for the projection. */
const withWeight = (...others: readonly WrittenInitialiser[]) =>
  writeOnnx(NODES, [tableOf, biasOf, ...others]);

const weightIn = async (file: Uint8Array<ArrayBuffer>) =>
  (await read(file)).find(({ name }) => name === WEIGHT)!;

const numbersAt = (file: Uint8Array, { start, end }: IncomingTensor) => [
  ...new Float32Array(file.slice(start, end).buffer),
];

describe('a file in order', () => {
  test('gives each weight under its name in the checkpoint, with its shape there and its bytes', async () => {
    const tensors = await read(VALID);
    expect(
      tensors.map(({ name, file, dtype, shape, transposed }) => [name, file, dtype, shape, transposed]),
    ).toEqual([
      [TABLE, 'onnx/model.onnx', 'F32', [4, 2], false],
      [BIAS, 'onnx/model.onnx', 'F32', [3], false],
      [WEIGHT, 'onnx/model.onnx', 'F32', [3, 2], true],
    ]);
    expect(tensors.map((tensor) => numbersAt(VALID, tensor))).toEqual([
      [1, 2, 3, 4, 5, 6, 7, 8],
      [9, 10, 11],
      [12, 13, 14, 15, 16, 17],
    ]);
  });

  test('leaves the stream at each weight’s first byte, and the consumer may read its bytes, some or none', async () => {
    const stream = streamOf(VALID);
    const counts = [32, 4, 0];
    for await (const { start } of readOnnx(stream, NEEDED)) {
      expect(stream.position).toBe(start);
      await stream.read(counts.shift()!);
    }
    expect(stream.position).toBe(VALID.length);
  });

  test('is not read any further once the consumer has taken more than the weight’s bytes', async () => {
    const stream = streamOf(VALID);
    const work = async () => {
      for await (const _ of readOnnx(stream, NEEDED)) await stream.read(80);
    };
    expect(await refusal(work)).toMatch(/^invalid-input: \d+ bytes too many were read/);
  });

  test.each(['new.', 'roberta.'])('may have names with the prefix %s', async (prefix) => {
    const nodes = [
      { ...LOOKUP, inputs: [prefix + TABLE, 'input_ids'] },
      { ...PRODUCT, name: `/${prefix.slice(0, -1)}${PRODUCT.name}` },
    ];
    const initialisers = [{ ...tableOf, name: prefix + TABLE }, { ...biasOf, name: prefix + BIAS }, weightOf];
    const names = (await read(writeOnnx(nodes, initialisers))).map(({ name }) => name);
    expect(names).toEqual([TABLE, BIAS, WEIGHT]);
  });

  test('may hold initialisers that nobody needs, of any type and size, and fields that are not known', async () => {
    const others = [
      { name: 'shape', dims: [2], type: DataType.int64, raw: new Uint8Array(16) },
      { name: 'pooler.dense.weight', dims: [50, 50], raw: new Uint8Array(10_000) },
      { name: 'scale', dims: [], floats: [0.5] },
      { name: '', dims: [0] },
    ];
    const graph = [
      ...NODES.map(writeNode),
      text(2, 'main_graph'),
      ...[...others, ...INITIALISERS, ...others].map(writeInitialiser),
      bytes(13, text(1, 'y')),
      integer(99, 5),
      join(varint(8 * 100 + 1), new Uint8Array(8)),
    ];
    expect((await read(writeModel(...graph))).length).toBe(3);
  });

  test.each([
    ['F32', DataType.float, 4],
    ['F16', DataType.float16, 2],
    ['BF16', DataType.bfloat16, 2],
  ])('may hold weights in %s', async (dtype, type, size) => {
    const tensor = await weightIn(withWeight({ ...weightOf, type, raw: new Uint8Array(6 * size) }));
    expect(tensor.dtype).toBe(dtype);
    expect(tensor.end - tensor.start).toBe(6 * size);
  });
});

describe('the bytes of a weight', () => {
  /** The valid file with another message for the projection. */
  const withTensor = (...fields: readonly Uint8Array[]) => {
    const [table, bias] = [tableOf, biasOf].map(writeInitialiser);
    return writeModel(...NODES.map(writeNode), table, bias, bytes(5, ...fields));
  };

  test('may be float_data, where the name comes first', async () => {
    const numbers = bytes(4, weightOf.raw);
    const file = withTensor(
      integer(2, DataType.float),
      text(8, weightOf.name),
      bytes(1, varint(2), varint(3)),
      numbers,
    );
    expect(numbersAt(file, await weightIn(file))).toEqual([12, 13, 14, 15, 16, 17]);
  });

  test('are refused where they come before what describes them, since the stream has passed them', async () => {
    const floats = withWeight({ ...weightOf, raw: undefined, floats: [12, 13, 14, 15, 16, 17] });
    const { dims, raw } = { dims: bytes(1, varint(2), varint(3)), raw: bytes(9, weightOf.raw) };
    const [type, name] = [integer(2, DataType.float), text(8, weightOf.name)];
    for (const file of [floats, withTensor(raw, dims, type, name), withTensor(name, type, raw, dims)])
      expect(await refusal(() => read(file))).toMatch(
        /^unsupported-model: .*the numbers of initialiser onnx::MatMul_7 come before what describes them/,
      );
  });

  test('may be followed by other fields, and stand beside an empty one', async () => {
    const { dims, raw } = { dims: bytes(1, varint(2), varint(3)), raw: bytes(9, weightOf.raw) };
    const [type, name] = [integer(2, DataType.float), text(8, weightOf.name)];
    const file = withTensor(dims, type, name, bytes(4), raw, integer(14, 0), text(12, 'a comment'));
    expect(numbersAt(file, await weightIn(file))).toEqual([12, 13, 14, 15, 16, 17]);
  });

  test('may lie in a file in the same folder', async () => {
    const external = { location: 'model.onnx_data', offset: '4096', length: '24' };
    const tensor = await weightIn(withWeight({ ...weightOf, raw: undefined, external }));
    expect(tensor).toMatchObject({ file: 'onnx/model.onnx_data', start: 4096, end: 4120, transposed: true });
  });

  test('fill an external file from its beginning where there is neither offset nor length', async () => {
    const external = { location: 'weights.bin' };
    const tensor = await weightIn(withWeight({ ...weightOf, raw: undefined, external }));
    expect(tensor).toMatchObject({ file: 'onnx/weights.bin', start: 0, end: 24 });
  });

  test.each([
    '',
    '../secret',
    '/etc/passwd',
    'a/b',
    'a\\b',
    '.hidden',
    'https:evil',
    'a?b',
    'a%2Fb',
    'x'.repeat(300),
  ])('are not looked for at %j', async (location) => {
    const file = withWeight({ ...weightOf, raw: undefined, external: { location } });
    expect(await refusal(() => read(file))).toMatch(
      /^unsupported-model: .*needed: the plain name of a file beside/,
    );
  });

  test.each<Record<string, string>>([
    { offset: '-1' },
    { offset: '1e3' },
    { offset: '99999999999999999999' },
    { length: '23' },
    { length: '' },
  ])('are refused in an external file with %j', async (entries) => {
    const external = { location: 'data', ...entries };
    const file = withWeight({ ...weightOf, raw: undefined, external });
    expect(await refusal(() => read(file))).toMatch(/^corrupt-file: /);
  });

  test.each([
    [
      'a type that is no weight’s',
      { ...weightOf, type: DataType.int8 },
      /^unsupported-model: .*onnx::MatMul_7, which is encoder.*the type INT8; needed: FLOAT, /,
    ],
    ['a type of tomorrow', { ...weightOf, type: 77 }, /^unsupported-model: .*the type of number 77/],
    [
      'too few bytes',
      { ...weightOf, raw: new Uint8Array(20) },
      /^corrupt-file: .*has 20 bytes of numbers; needed: 24/,
    ],
    ['no bytes', { ...weightOf, raw: undefined }, /^corrupt-file: .*has no numbers/],
    ['another shape', { ...weightOf, dims: [3, 2] }, /^tensor-shape: .*has shape \[3, 2\]; needed: \[2, 3\]/],
    [
      'another rank',
      { ...weightOf, dims: [2, 3, 1] },
      /^tensor-shape: .*has shape \[2, 3, 1\]; needed: \[2, 3\]/,
    ],
    ['a negative dimension', { ...weightOf, dims: [-2, -3] }, /^corrupt-file: .*a dimension .* is -2/],
    [
      'dimensions whose product overflows',
      { ...weightOf, dims: [2 ** 40, 2 ** 40] },
      /^corrupt-file: .*more than any file holds/,
    ],
    [
      'a dimension that overflows',
      { ...weightOf, dims: [2n ** 62n, 3] },
      /^corrupt-file: .*a dimension .* is 461168601842738/,
    ],
    [
      'too many dimensions',
      { ...weightOf, dims: Array.from({ length: 17 }, () => 1) },
      /^corrupt-file: .*more than 16 dimensions/,
    ],
    [
      'numbers in two fields',
      { ...weightOf, floats: [12, 13, 14, 15, 16, 17] },
      /^unsupported-model: .*not in one piece/,
    ],
    [
      'float16 in float_data',
      { ...weightOf, type: DataType.float16, raw: undefined, floats: [1, 2, 3] },
      /^unsupported-model: .*not in one piece/,
    ],
  ])('are refused with %s', async (_, initialiser, message) => {
    expect(await refusal(() => read(withWeight(initialiser)))).toMatch(message);
  });

  test('are refused as unpacked floats', async () => {
    const unpacked = bytes(
      5,
      integer(1, 3),
      integer(2, DataType.float),
      ...[1, 2, 3].map((value) => join(varint(8 * 4 + 5), floatBytes([value]))),
      text(8, BIAS),
    );
    const file = writeModel(...NODES.map(writeNode), writeInitialiser(tableOf), unpacked);
    expect(await refusal(() => read(file))).toMatch(/^unsupported-model: .*not in one piece/);
  });
});

describe('two candidates for a weight', () => {
  test.each([
    [
      'one by the graph and one by its name',
      withWeight({ ...weightOf, name: WEIGHT }),
      /may be onnx::MatMul_7 or encoder\.layer\.0\.output\.dense\.weight; needed: one of one/,
    ],
    ['two of one name', withWeight(weightOf, weightOf), /comes twice, the second time as onnx::MatMul_7/],
    [
      'one with a prefix and one without',
      withWeight({ ...biasOf, name: `new.${BIAS}` }),
      /comes twice, the second time as new\.encoder/,
    ],
  ])('are refused: %s', async (_, file, message) => {
    expect(await refusal(() => read(file))).toMatch(new RegExp(`^unsupported-model: .*${message.source}`));
  });
});

test('nodes that come after initialisers are refused', async () => {
  const late = writeModel(...[tableOf, biasOf].map(writeInitialiser), ...NODES.map(writeNode));
  expect(await refusal(() => read(late))).toMatch(/^unsupported-model: .*no MatMul, Gemm or Gather before/);
  const some = writeModel(...NODES.map(writeNode), writeInitialiser(tableOf), writeNode(SUM));
  expect(await refusal(() => read(some))).toMatch(/^unsupported-model: .*nodes come after its initialisers/);
});

describe('weights that do not come', () => {
  test('are named with the file', async () => {
    expect(await refusal(() => read(writeOnnx(NODES, [tableOf])))).toMatch(
      /^missing-tensor: onnx\/model\.onnx has no encoder\.layer\.0\.output\.dense\.weight, encoder\.layer\.0\.output\.dense\.bias; it has 1 of 3/,
    );
  });

  test('are named three at a time', async () => {
    const needed = new Map([...NEEDED, ...['a', 'b', 'c', 'd'].map((name) => [name, [1]] as const)]);
    expect(await refusal(() => read(VALID, needed))).toMatch(/ has no a, b, c and 1 more; it has 3 of 7/);
  });

  test('are the error of a graph without initialisers', async () => {
    expect(await refusal(() => read(writeOnnx(NODES, [])))).toMatch(/^missing-tensor: /);
  });
});

describe('going on', () => {
  /** Reads to the tensor of this name and stops. */
  async function breakOff(file: Uint8Array<ArrayBuffer>, at: string) {
    const weights = onnxWeights(streamOf(file), NEEDED);
    expect(weights.state()).toBeUndefined();
    for await (const { name } of weights.tensors) if (name === at) break;
    return { position: weights.stream.position, state: weights.state()! };
  }

  async function rest(
    file: Uint8Array<ArrayBuffer>,
    { position, state }: { position: number; state: string },
  ) {
    return collect(readOnnx(streamOf(file, 'onnx/model.onnx', position), NEEDED, state));
  }

  test.each([TABLE, BIAS, WEIGHT])('at %s hands it out once more, and those after it', async (at) => {
    const all = await read(VALID);
    const first = all.findIndex(({ name }) => name === at);
    expect(await rest(VALID, await breakOff(VALID, at))).toEqual(all.slice(first));
  });

  test('reads no byte before the place where it went on', async () => {
    const saved = await breakOff(VALID, BIAS);
    const zeros = VALID.slice().fill(0, 0, saved.position);
    expect(await rest(zeros, saved)).toEqual((await read(VALID)).slice(1));
  });

  test('works in the middle of a tensor and at its end, too', async () => {
    const { position, state } = await breakOff(VALID, BIAS);
    for (let read = 0; read <= 12; read++) {
      const names = (await rest(VALID, { position: position + read, state })).map(({ name }) => name);
      expect(names).toEqual([BIAS, WEIGHT]);
    }
  });

  test('works at a tensor in another file', async () => {
    const other = { ...biasOf, raw: undefined, external: { location: 'data' } };
    const file = writeOnnx(NODES, [tableOf, other, weightOf]);
    expect(await rest(file, await breakOff(file, BIAS))).toEqual((await read(file)).slice(1));
  });

  test('knows of what had come before: a weight that comes again is refused, one that is missing is named', async () => {
    const twice = writeOnnx(NODES, [...INITIALISERS, tableOf]);
    const saved = await breakOff(twice, BIAS);
    expect(await refusal(() => rest(twice, saved))).toMatch(
      /^unsupported-model: .*word_embeddings\.weight comes twice/,
    );
    const shorter = writeOnnx(NODES, [tableOf, biasOf]);
    const { position, state } = await breakOff(shorter, BIAS);
    expect(await refusal(() => rest(shorter, { position, state }))).toMatch(
      /^missing-tensor: .* has no encoder\.layer\.0\.output\.dense\.weight;/,
    );
  });

  test('is refused elsewhere in the file, for another model, and with any other text', async () => {
    const { position, state } = await breakOff(VALID, BIAS);
    const needed = new Map([...NEEDED, ['another', [1]]]);
    const attempts = [
      () => onnxWeights(streamOf(VALID, 'model.onnx', position - 1), NEEDED, state),
      () => onnxWeights(streamOf(VALID, 'model.onnx', position + 13), NEEDED, state),
      () => onnxWeights(streamOf(VALID, 'model.onnx', position), needed, state),
      ...[
        '',
        '{}',
        'null',
        '[]',
        '"x"',
        state.slice(1),
        state.replace(/"position":\d+/, '"position":-1'),
      ].map((text) => () => onnxWeights(streamOf(VALID, 'model.onnx', position), NEEDED, text)),
    ];
    for (const attempt of attempts)
      expect(await refusal(attempt)).toMatch(/^invalid-input: The saved state of an ONNX file/);
  });
});

describe('a damaged file', () => {
  test('that is cut anywhere is refused, or lacks only what comes behind the graph', async () => {
    const graphEnd = VALID.length - bytes(8, text(1, ''), integer(2, 17)).length;
    for (let length = 0; length < VALID.length; length++) {
      if (length === graphEnd) continue;
      expect(await refusal(() => read(VALID.slice(0, length)))).toMatch(
        /^corrupt-file: .*Download it again\.$/,
      );
    }
  });

  test.each([
    ['HTML', new TextEncoder().encode('<!doctype html><title>Not found</title>')],
    ['JSON', new TextEncoder().encode('{"error": "no such file"}')],
    ['nothing but zeros', new Uint8Array(1000)],
    ['a pointer of Git LFS', new TextEncoder().encode('version https://git-lfs.github.com/spec/v1\n')],
    ['two graphs', join(VALID, VALID)],
    ['no graph', integer(1, 8)],
    ['a node that is a number', writeModel(integer(1, 5))],
    ['an initialiser that is a number', writeModel(...NODES.map(writeNode), integer(5, 5))],
    ['a name that is a number', writeModel(bytes(1, integer(1, 5)))],
    ['an integer without an end', join(Uint8Array.of(8), new Uint8Array(40).fill(0xff))],
    ['a length beyond the file', join(varint(8 * 7 + 2), varint(2n ** 40n))],
    ['a negative length', join(varint(8 * 7 + 2), varint(-5))],
    ['a length beyond the message around it', writeModel(join(varint(8 + 2), varint(100)))],
  ])('is refused where it is %s', async (_, file) => {
    expect(await refusal(() => read(file.slice()))).toMatch(/^corrupt-file: onnx\/model\.onnx is damaged/);
  });
});

describe('a hostile file', () => {
  test('with a name of 100 MB is refused before the name is read', async () => {
    const length = 100_000_000;
    const name = join(varint(8 * 8 + 2), varint(length));
    const tensor = join(varint(8 * 5 + 2), varint(name.length + length), name);
    const nodes = join(...NODES.map(writeNode));
    const graph = nodes.length + tensor.length + length;
    const start = join(varint(8 * 7 + 2), varint(graph), nodes, tensor);
    const stream = { ...streamOf(start), size: start.length + length, position: 0 };
    stream.read = async (count) => {
      if (count > 8192) throw new Error(`${count} bytes were read at once.`);
      const part = new Uint8Array(count);
      part.set(start.subarray(stream.position, stream.position + count));
      stream.position += count;
      return part;
    };
    expect(await refusal(() => collect(readOnnx(stream, NEEDED)))).toMatch(
      /^unsupported-model: .*a name has 100000000 bytes; it may have 4096/,
    );
  });

  test('with messages nested a thousand times is skipped like any other', async () => {
    let nested = new Uint8Array(0);
    for (let i = 0; i < 1000; i++) nested = bytes(6, nested).slice();
    const deep: WrittenNode = {
      operator: 'If',
      inputs: [],
      outputs: [],
      attributes: { then_branch: nested },
    };
    expect((await read(writeOnnx([deep, ...NODES], INITIALISERS))).length).toBe(3);
  });

  test('of tens of megabytes of names is refused', async () => {
    const nodes = Array.from({ length: 9000 }, () =>
      writeNode({ operator: 'Add', inputs: ['x'.repeat(4096)], outputs: [] }),
    );
    expect(await refusal(() => read(writeModel(...nodes)))).toMatch(
      /^unsupported-model: .*its names have more than 33554432 bytes/,
    );
  });

  test.each([
    ['nodes', bytes(1), /^unsupported-model: .*more than 100000 nodes/],
    ['initialisers', bytes(5), /^unsupported-model: .*more than 100000 initialisers/],
    ['fields', integer(99, 1), /^unsupported-model: .*more than 500000 fields/],
  ])('of millions of %s is refused', async (what, field, message) => {
    const many = new Uint8Array(600_000 * field.length);
    for (let at = 0; at < many.length; at += field.length) many.set(field, at);
    const nodes = what === 'initialisers' ? NODES.map(writeNode) : [];
    expect(await refusal(() => read(writeModel(...nodes, many)))).toMatch(message);
  });
});
