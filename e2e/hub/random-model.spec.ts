import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import { parseConfig } from '../../src/encoder/config.ts';
import { naiveEncode } from '../../src/encoder/testing/naive-encoder.ts';
import { toHalves } from '../../src/float16.ts';
import { readHeader } from '../../src/loader/safetensors.ts';
import { Tokenizer } from '../../src/text/index.ts';
import { type RandomModel, randomModel } from './random-model.mjs';
import { modelFile, readTensors, textbookModel } from './testing/in-memory.ts';
import { type ReadInitialiser, type ReadNode, readOnnx } from './testing/read-onnx.ts';

const FAMILIES = ['gte', 'xlm-roberta'] as const;
const fileOf = (model: RandomModel, name: string) => model.files.get(name)!;
const text = (model: RandomModel, name: string) => Buffer.from(fileOf(model, name).bytesOf()).toString();
const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

for (const family of FAMILIES) {
  test.describe(`a small random model of ${family}`, () => {
    const model = randomModel({ family, size: 'small' });

    test('has any range of any file as the whole file has it', () => {
      for (const file of model.files.values()) {
        const { size } = file;
        const whole = file.bytesOf();
        expect(whole.length).toBe(size);
        const position = fc.nat(size);
        fc.assert(
          fc.property(position, position, (a, b) => {
            const [start, end] = [Math.min(a, b), Math.max(a, b)];
            return same(file.bytesOf(start, end), whole.subarray(start, end));
          }),
        );
      }
    });

    test('has every byte of a short stretch across tensors by itself', () => {
      for (const name of ['model.safetensors', 'onnx/model_fp16.onnx']) {
        const file = fileOf(model, name);
        const start = file.size - 3000;
        const stretch = file.bytesOf(start);
        const single = Array.from(stretch, (_, i) => file.bytesOf(start + i, start + i + 1)[0]);
        expect(same(Uint8Array.from(single), stretch)).toBe(true);
      }
    });

    test('is the same model each time, and another one with another seed', () => {
      const weights = (seed?: number) =>
        fileOf(randomModel({ family, size: 'small', seed }), 'model.safetensors').bytesOf();
      const file = fileOf(model, 'model.safetensors');
      expect(same(weights(), file.bytesOf())).toBe(true);
      expect(weights(2).length).toBe(file.size);
      expect(same(weights(2), file.bytesOf())).toBe(false);
      expect(randomModel({ family, size: 'small', seed: 2 }).commit).not.toBe(model.commit);
    });

    test('is at the commit that is asked for', () => {
      const commit = '0123456789abcdef0123456789abcdef01234567';
      expect(randomModel({ family, size: 'small', commit }).commit).toBe(commit);
    });

    test('becomes other weights in the same layout when it is changed', () => {
      const file = fileOf(model, 'model.safetensors');
      const next = file.next!();
      expect(next.size).toBe(file.size);
      expect(next.identity).not.toBe(file.identity);
      const header = 8 + Buffer.from(file.bytesOf(0, 8)).readUInt32LE();
      expect(same(next.bytesOf(0, header), file.bytesOf(0, header))).toBe(true);
      expect(same(next.bytesOf(header, header + 64), file.bytesOf(header, header + 64))).toBe(false);
    });

    test('refuses bytes beyond the end, and files that it has not', async () => {
      const file = fileOf(model, 'config.json');
      expect(() => file.bytesOf(0, file.size + 1)).toThrow(RangeError);
      await expect(model.sha256Of('pytorch_model.bin')).rejects.toThrow(/no pytorch_model.bin/);
    });

    test('has the SHA-256 of the bytes that it gives', async () => {
      for (const name of ['model.safetensors', 'onnx/model_fp16.onnx', 'config.json']) {
        const expected = createHash('sha256').update(fileOf(model, name).bytesOf()).digest('hex');
        expect(await model.sha256Of(name)).toBe(expected);
      }
    });

    test('has numbers that are spread over the range of their tensor', async () => {
      for (const [name, { values }] of await readTensors(model)) {
        const { scale, offset } = model.tensors.find((tensor) => tensor.name === name)!;
        const parts = values.map((value) => (value - offset) / scale);
        expect(Math.max(...parts.map(Math.abs))).toBeLessThanOrEqual(1 + 1e-6);
        // Five standard deviations of a mean, and of a variance, of uniform numbers.
        const mean = parts.reduce((sum, part) => sum + part, 0) / parts.length;
        expect(Math.abs(mean)).toBeLessThan(5 * Math.sqrt(1 / 3 / parts.length));
        const variance = parts.reduce((sum, part) => sum + part * part, 0) / parts.length;
        expect(Math.abs(variance - 1 / 3)).toBeLessThan(5 * Math.sqrt(4 / 45 / parts.length));
      }
    });

    test('has a configuration that the library reads, and small texts with ids of its own', () => {
      const config = parseConfig(JSON.parse(text(model, 'config.json')));
      expect(config.vocabularySize).toBe(1000);
      const tokenizer = Tokenizer.fromJSON(JSON.parse(text(model, 'tokenizer.json')));
      const { ids } = tokenizer.encode('Where do puffins nest? Λ');
      expect(ids.length).toBeGreaterThan(8);
      expect([ids[0], ids.at(-1)]).toEqual([0, 2]);
      expect(Math.max(...ids)).toBeLessThan(1000);
    });

    test('has the weights of its safetensors file in its ONNX files, matrices on their side', async () => {
      const tensors = await readTensors(model);
      for (const half of [false, true]) {
        const { nodes, initialisers } = readOnnx(
          fileOf(model, half ? 'onnx/model_fp16.onnx' : 'onnx/model.onnx').bytesOf(),
        );
        for (const initialiser of initialisers) {
          const { values, shape } = tensors.get(tensorOf(initialiser, nodes))!;
          const anonymous = initialiser.name.startsWith('onnx::');
          expect(initialiser.shape).toEqual(anonymous ? [...shape].reverse() : shape);
          const expected = anonymous ? transpose(values, shape) : values;
          const data = initialiser.data ?? externalData(model, initialiser);
          expect(same(data, new Uint8Array((half ? toHalves(expected) : expected).buffer))).toBe(true);
        }
        const used = [...tensors.keys()].filter((name) => !name.startsWith('pooler.'));
        expect(new Set(initialisers.map((one) => tensorOf(one, nodes)))).toEqual(new Set(used));
      }
    });

    test('gives the textbook’s vectors in onnxruntime', async () => {
      const texts = [
        [0, 45, 300, 7, 999, 2],
        [0, 5, 2],
      ];
      const textbook = await textbookModel(model);
      for (const [file, tolerance] of [
        ['onnx/model.onnx', 1e-10],
        ['onnx/model_fp16.onnx', 1e-5],
      ] as const) {
        const vectors = await runOnnx(model, file, texts);
        for (const [i, ids] of texts.entries())
          expect(1 - cosine(vectors[i], naiveEncode(textbook, ids))).toBeLessThan(tolerance);
      }
    });
  });
}

test.describe('the random models at their published sizes', () => {
  const m = randomModel({ family: 'gte' });
  const l = randomModel({ family: 'xlm-roberta' });

  test('have the tensors of the published files, float32, in the order of their names', async () => {
    const ofM = await readHeader(modelFile(m, 'model.safetensors'));
    expect(ofM.length).toBe(136);
    expect(ofM.map(({ name }) => name)).toEqual(ofM.map(({ name }) => name).sort());
    expect(ofM.every(({ dtype }) => dtype === 'F32')).toBe(true);
    expect(ofM.reduce((sum, { start, end }) => sum + end - start, 0)).toBe(1_221_473_280);
    const ofL = await readHeader(modelFile(l, 'model.safetensors'));
    expect(ofL.reduce((sum, { start, end }) => sum + end - start, 0)).toBe(4 * 567_754_752);
  });

  test('have the same bytes at the far end whichever way a range is cut', () => {
    for (const model of [m, l]) {
      for (const name of ['model.safetensors', 'onnx/model_fp16.onnx']) {
        const file = fileOf(model, name);
        const stretch = file.bytesOf(file.size - 100_000);
        expect(same(file.bytesOf(file.size - 50_001, file.size - 7), stretch.subarray(49_999, 99_993))).toBe(
          true,
        );
      }
    }
  });

  test('have the configuration of m-v2.0 to the byte', () => {
    expect(fileOf(m, 'config.json').size).toBe(971);
  });

  test('have a tokenizer whose ids are rows of the word table', () => {
    for (const model of [m, l]) {
      const tokenizer = Tokenizer.fromJSON(JSON.parse(text(model, 'tokenizer.json')));
      const { ids } = tokenizer.encode('Wo nisten Papageitaucher? パフィンはどこに巣を作る？');
      expect(Math.max(...ids)).toBeLessThan(model.size.vocabulary);
    }
  });
});

test.describe('the ONNX files', () => {
  const fixtures = new URL('../../../shared/fixtures/', import.meta.url);
  test.skip(!existsSync(fixtures), 'the fixtures are not here');

  const sizes = { vocabulary: 1000, hidden: 128, layers: 3, heads: 2 };
  const gte = randomModel({ family: 'gte', size: { ...sizes, intermediate: 256, positions: 8192 } });
  const roberta = randomModel({
    family: 'xlm-roberta',
    size: { ...sizes, intermediate: 512, positions: 514 },
  });

  for (const [name, model] of [
    ['gte-tiny', gte],
    ['xlmr-tiny', roberta],
  ] as const) {
    for (const file of ['onnx/model.onnx', 'onnx/model_fp16.onnx']) {
      const theirs = () => readOnnx(readFileSync(new URL(`${name}/${file}`, fixtures)));
      const ours = () => readOnnx(fileOf(model, file).bytesOf());

      test(`have the initialisers of ${name}/${file} in its order, the anonymous ones by their products`, () => {
        const described = ({ nodes, initialisers }: ReturnType<typeof readOnnx>) =>
          initialisers.map((one) => [tensorOf(one, nodes), one.shape, one.type]);
        expect(described(ours())).toEqual(described(theirs()));
      });

      test(`have the nodes of ${name}/${file} that touch weights, with their inputs and outputs`, () => {
        const touching = ({ nodes, initialisers }: ReturnType<typeof readOnnx>) => {
          const weights = new Set(initialisers.map((one) => one.name));
          return nodes.filter(({ inputs }) => inputs.some((input) => weights.has(input))).map(withoutNumbers);
        };
        expect(new Set(touching(ours()))).toEqual(new Set(touching(theirs())));
      });

      if (name === 'gte-tiny')
        test(`have all nodes of ${name}/${file}, and its tables of rotations`, () => {
          expect(ours().nodes.map(withoutNumbers)).toEqual(theirs().nodes.map(withoutNumbers));
          const tables = ({ nodes }: ReturnType<typeof readOnnx>) =>
            nodes.filter(({ constant }) => constant && constant.length > 1000).map((node) => node.constant!);
          const [expected, found] = [tables(theirs()), tables(ours())];
          expect(expected.length).toBe(2);
          for (const i of [0, 1])
            expect(same(found[i], expected[i]) || nearly(found[i], expected[i])).toBe(true);
        });
    }
  }
});

/** The tensor of the checkpoint that an initialiser is: by its own name, or by its product's. */
function tensorOf({ name }: ReadInitialiser, nodes: readonly ReadNode[]): string {
  if (!name.startsWith('onnx::')) return name;
  const product = nodes.find(({ inputs }) => inputs.includes(name))!;
  return product.name
    .slice(1)
    .replace(/\/MatMul$/, '.weight')
    .replaceAll('/', '.');
}

/** A node with its neighbours, without the numbers that the exporter gives to what has no name. */
function withoutNumbers({ name, operator, inputs, outputs }: ReadNode): string {
  const line = [name, operator, inputs.join(), outputs.join()].join(' ');
  return line.replace(/onnx::(\w+)_\d+/g, 'onnx::$1').replace(/^Constant_\d+/, 'Constant');
}

/** Whether tables of float16 or float32 differ by the last digit of a cosine at most. */
function nearly(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  const half = a.length === 8192 * 64 * 2;
  const numbers = (bytes: Uint8Array) => {
    const copy = Uint8Array.from(bytes).buffer;
    return half ? new Uint16Array(copy) : new Float32Array(copy);
  };
  const [left, right] = [numbers(a), numbers(b)];
  return left.every((value, i) => Math.abs(value - right[i]) <= (half ? 1 : 1e-7));
}

function transpose(values: Float32Array, [rows, columns]: readonly number[]): Float32Array {
  return values.map((_, at) => values[(at % rows) * columns + Math.floor(at / rows)]);
}

function externalData(model: RandomModel, { external }: ReadInitialiser): Uint8Array {
  const start = Number(external.offset);
  return fileOf(model, `onnx/${external.location}`).bytesOf(start, start + Number(external.length));
}

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const dot = (x: ArrayLike<number>, y: ArrayLike<number>) =>
    Array.from(x).reduce((sum, value, i) => sum + value * y[i], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

/** The vectors of texts by onnxruntime, in one padded batch. */
async function runOnnx(model: RandomModel, file: string, texts: readonly (readonly number[])[]) {
  const { env, InferenceSession, Tensor } = await import('onnxruntime-web');
  env.wasm.numThreads = 1;
  const data = model.files.get(`${file}_data`)?.bytesOf();
  const session = await InferenceSession.create(fileOf(model, file).bytesOf(), {
    executionProviders: ['wasm'],
    externalData: data && [{ path: 'model.onnx_data', data }],
  });
  const longest = Math.max(...texts.map((ids) => ids.length));
  const padded = texts.flatMap((ids) => Array.from({ length: longest }, (_, i) => ids[i] ?? 1));
  const tensorOfIds = (ids: readonly number[]) =>
    new Tensor('int64', BigInt64Array.from(ids, BigInt), [texts.length, longest]);
  const { sentence_embedding: vectors } = await session.run({
    input_ids: tensorOfIds(padded),
    attention_mask: tensorOfIds(padded.map((id) => (id === 1 ? 0 : 1))),
  });
  const { hidden } = model.size;
  const values = vectors.data as Float32Array;
  return texts.map((_, i) => values.slice(i * hidden, (i + 1) * hidden));
}
