import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SternaError } from '../errors.ts';
import { checkRange } from './files.ts';
import { readHeader, type TensorInfo } from './safetensors.ts';
import { mutations } from './testing/mutations.ts';
import { refusal } from './testing/refusal.ts';
import { f32, frame, writeSafetensors } from './testing/safetensors-writer.ts';

const read = (bytes: Uint8Array<ArrayBuffer>) =>
  readHeader({
    name: 'model.safetensors',
    size: bytes.length,
    read: async (start, end) => {
      checkRange('model.safetensors', bytes.length, start, end);
      return bytes.slice(start, end);
    },
  });

const VALID = writeSafetensors(
  {
    matrix: { dtype: 'F32', shape: [2, 3], data: f32(1, 2, 3, 4, 5, 6) },
    position_ids: { dtype: 'I64', shape: [1, 2], data: new Uint8Array(16) },
    half: { dtype: 'F16', shape: [5], data: new Uint8Array(10) },
  },
  { format: 'pt' },
);

describe('a well-made file', () => {
  test('gives every tensor with its type, its shape and its bytes', async () => {
    const tensors = await read(VALID);
    expect(tensors.map(({ name, dtype, shape, start, end }) => [name, dtype, shape, end - start])).toEqual([
      ['matrix', 'F32', [2, 3], 24],
      ['position_ids', 'I64', [1, 2], 16],
      ['half', 'F16', [5], 10],
    ]);
    const { file, start, end } = tensors[0];
    expect(file).toBe('model.safetensors');
    expect(VALID.slice(start, end)).toEqual(f32(1, 2, 3, 4, 5, 6));
  });

  test('may hold a scalar, an empty tensor, no tensor at all, and a header padded with spaces', async () => {
    const odd = writeSafetensors({
      scalar: { dtype: 'F32', shape: [], data: f32(1) },
      empty: { dtype: 'F32', shape: [0, 4], data: f32() },
    });
    expect((await read(odd)).map(({ shape }) => shape)).toEqual([[], [0, 4]]);
    expect(await read(writeSafetensors({}))).toEqual([]);
    expect(await read(frame('{}      '))).toEqual([]);
  });

  test.each([
    ['BOOL', 1],
    ['U8', 1],
    ['I8', 1],
    ['F8_E5M2', 1],
    ['F8_E4M3', 1],
    ['F8_E8M0', 1],
    ['U16', 2],
    ['I16', 2],
    ['F16', 2],
    ['BF16', 2],
    ['U32', 4],
    ['I32', 4],
    ['F32', 4],
    ['U64', 8],
    ['I64', 8],
    ['F64', 8],
    ['C64', 8],
  ])('may hold tensors of type %s, of %i bytes a number', async (dtype, bytes) => {
    const [tensor] = await read(
      writeSafetensors({ x: { dtype, shape: [3], data: new Uint8Array(3 * bytes) } }),
    );
    expect(tensor.dtype).toBe(dtype);
    const short = writeSafetensors({ x: { dtype, shape: [3], data: new Uint8Array(3 * bytes - 1) } });
    expect(await refusal(() => read(short))).toContain(`needed for ${dtype} [3]: ${3 * bytes}`);
  });

  test('may hold an unused tensor of a type that is not known', async () => {
    const [tensor] = await read(
      writeSafetensors({ x: { dtype: 'F4', shape: [16], data: new Uint8Array(8) } }),
    );
    expect(tensor.dtype).toBe('F4');
  });

  test('may call its tensors what JavaScript calls its own', async () => {
    const entry = (at: number) => `{"dtype":"U8","shape":[1],"data_offsets":[${at},${at + 1}]}`;
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
    const header = `{${names.map((name, at) => `"${name}":${entry(at)}`).join()}}`;
    expect((await read(frame(header, new Uint8Array(4)))).map(({ name }) => name)).toEqual(names);
    expect(({} as { dtype?: string }).dtype).toBeUndefined();
  });

  test('does not get its dtype from a prototype', async () => {
    const inherited = '{"x":{"__proto__":{"dtype":"U8"},"shape":[1],"data_offsets":[0,1]}}';
    expect(await refusal(() => read(frame(inherited, new Uint8Array(1))))).toContain(
      'its entry has no dtype',
    );
    const method = '{"x":{"dtype":"toString","shape":[1],"data_offsets":[0,1]}}';
    expect((await read(frame(method, new Uint8Array(1))))[0].dtype).toBe('toString');
  });
});

describe('a damaged file', () => {
  test('is refused wherever it was cut, and says how many bytes are missing', async () => {
    for (let length = 0; length < VALID.length; length++) {
      const words = await refusal(() => read(VALID.slice(0, length)));
      expect(words, `cut at ${length}`).toMatch(
        /^corrupt-file: model\.safetensors is damaged: .*Download it again\.$/,
      );
      if (length >= 8) expect(words).toMatch(/\d+ (bytes )?are missing/);
    }
    expect(await refusal(() => read(VALID.slice(0, -7)))).toContain('so 7 are missing');
  });

  test('is refused when something lies behind its tensors', async () => {
    const longer = new Uint8Array(VALID.length + 1);
    longer.set(VALID);
    expect(await refusal(() => read(longer))).toContain(`its tensors end at ${VALID.length}`);
  });

  test.each([
    ['a length beyond 100 MB', [1, 0, 0, 8, 0, 0, 0, 0]],
    ['the largest length there is', [255, 255, 255, 255, 255, 255, 255, 255]],
    ['a page of HTML', [...new TextEncoder().encode('<!DOCTYPE html><html></html>')]],
    ['a Git LFS pointer', [...new TextEncoder().encode('version https://git-lfs.github.com/spec/v1\n')]],
  ])('is refused with %s for a header', async (_, bytes) => {
    expect(await refusal(() => read(Uint8Array.from(bytes)))).toContain('it is no safetensors file');
  });

  test.each(['', '[]', '7', 'null', '{', '{"x":1}', '{"x":null}', '{"x":[]}', '{"x":{}}'])(
    'is refused with the header %s',
    async (header) => {
      expect(await refusal(() => read(frame(header)))).toMatch(/^corrupt-file: model\.safetensors/);
    },
  );

  test('is refused when its header is no UTF-8', async () => {
    expect(await refusal(() => read(frame(Uint8Array.of(0x7b, 0x22, 0xff, 0x22))))).toMatch(/^corrupt-file/);
  });

  const lies: readonly [string, object, string][] = [
    ['a dtype that is no word', { dtype: 7 }, 'its entry has no dtype'],
    ['a shape that is no list', { shape: 4 }, 'its shape is 4'],
    ['a shape with a fraction', { shape: [0.5, 8] }, 'its shape is [0.5,8]'],
    ['a negative shape', { shape: [-2, -2] }, 'its shape is [-2,-2]'],
    ['a shape of words', { shape: ['4'] }, 'its shape is ["4"]'],
    ['a shape too large', { shape: [5] }, 'it has 16 bytes; needed for F32 [5]: 20'],
    ['a shape too small', { shape: [3] }, 'it has 16 bytes; needed for F32 [3]: 12'],
    ['a shape that overflows', { shape: [2 ** 52, 2 ** 52] }, 'it has 16 bytes'],
    ['a shape that overflows and vanishes', { shape: [...Array(99).fill(2 ** 52), 0] }, 'it has 16 bytes'],
    ['a wider type', { dtype: 'F64' }, 'needed for F64 [4]: 32'],
    ['no offsets', { data_offsets: undefined }, 'its data_offsets are absent'],
    ['one offset', { data_offsets: [0] }, 'its data_offsets are [0]'],
    ['three offsets', { data_offsets: [0, 16, 16] }, 'its data_offsets are [0,16,16]'],
    ['offsets in reverse', { data_offsets: [16, 0] }, 'its data_offsets are [16,0]'],
    ['a negative offset', { data_offsets: [-16, 0] }, 'its data_offsets are [-16,0]'],
    ['a fractional offset', { data_offsets: [0.5, 16.5] }, 'its data_offsets are [0.5,16.5]'],
    ['offsets as words', { data_offsets: ['0', '16'] }, 'its data_offsets are ["0","16"]'],
    ['offsets beyond every file', { data_offsets: [2 ** 60, 2 ** 60 + 1024] }, 'its data_offsets are'],
    ['a gap before it', { data_offsets: [4, 20] }, 'needed: '],
  ];
  test.each(lies)('is refused when a tensor has %s', async (_, lie, words) => {
    const header = JSON.stringify({ x: { dtype: 'F32', shape: [4], data_offsets: [0, 16], ...lie } });
    const said = await refusal(() => read(frame(header, new Uint8Array(16))));
    expect(said).toMatch(/^corrupt-file: model\.safetensors is damaged: tensor x/);
    expect(said).toContain(words);
  });

  test('is refused when two tensors share bytes or leave a gap', async () => {
    const header = (second: number) =>
      JSON.stringify({
        a: { dtype: 'U8', shape: [4], data_offsets: [0, 4] },
        b: { dtype: 'U8', shape: [4], data_offsets: [second, second + 4] },
      });
    for (const second of [0, 3, 5]) {
      const said = await refusal(() => read(frame(header(second), new Uint8Array(second + 4))));
      expect(said, `second at ${second}`).toContain('where the one before it ends');
    }
    expect(await read(frame(header(4), new Uint8Array(8)))).toHaveLength(2);
  });

  test('is refused with a shape nested deeper than any stack', async () => {
    const deep = `${'['.repeat(1e5)}${']'.repeat(1e5)}`;
    const header = `{"x":{"dtype":"U8","shape":${deep},"data_offsets":[0,1]}}`;
    expect(await refusal(() => read(frame(header, new Uint8Array(1))))).toContain('a deeply nested value');
  });
});

describe('a file of four gigabytes', () => {
  /** Its first bytes are `prefix`; of the others none may be asked for. */
  const huge = (prefix: Uint8Array, size = 2 ** 32) => ({
    name: 'model.safetensors',
    size,
    read: async (start: number, end: number) => {
      expect(end).toBeLessThanOrEqual(prefix.length);
      return prefix.slice(start, end);
    },
  });

  test.each([2e8, 7e7, 2 ** 31, 2 ** 40])(
    'whose header would have %i bytes is refused by its first eight',
    async (length) => {
      const prefix = new Uint8Array(8);
      new DataView(prefix.buffer).setBigUint64(0, BigInt(length), true);
      expect(await refusal(() => readHeader(huge(prefix)))).toMatch(
        /^corrupt-file: .* its header would have/,
      );
    },
  );

  test('is read where its header is right', async () => {
    const bytes = 2 ** 32 - 1024;
    const header = JSON.stringify({ x: { dtype: 'U8', shape: [bytes], data_offsets: [0, bytes] } });
    const prefix = frame(header, new Uint8Array(0));
    const [tensor] = await readHeader(huge(prefix, prefix.length + bytes));
    expect(tensor.end - tensor.start).toBe(bytes);
  });
});

describe('any file at all', () => {
  /** Either a refusal, or tensors that lie in the file one after another. */
  async function readsOrRefuses(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    let tensors: TensorInfo[];
    try {
      tensors = await read(bytes);
    } catch (error) {
      if (error instanceof SternaError && error.code === 'corrupt-file') return;
      throw error;
    }
    let at = 0;
    for (const { start, end } of tensors.sort((a, b) => a.start - b.start || a.end - b.end)) {
      expect(start).toBeGreaterThanOrEqual(at);
      expect(end).toBeLessThanOrEqual(bytes.length);
      at = end;
    }
  }

  test('random bytes are refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), (bytes) => readsOrRefuses(bytes.slice())),
      { numRuns: 500 },
    );
  });

  test('random JSON in the header is refused or read', async () => {
    const entry = fc.record(
      {
        dtype: fc.oneof(fc.constantFrom('F32', 'U8', 'I64', 'F4'), fc.jsonValue()),
        shape: fc.oneof(fc.array(fc.integer({ min: -1, max: 4 }), { maxLength: 3 }), fc.jsonValue()),
        data_offsets: fc.oneof(fc.array(fc.integer({ min: -1, max: 16 }), { maxLength: 3 }), fc.jsonValue()),
      },
      { requiredKeys: [] },
    );
    const header = fc.oneof(fc.dictionary(fc.string(), entry), fc.jsonValue());
    await fc.assert(
      fc.asyncProperty(header, fc.uint8Array({ maxLength: 32 }), (json, data) =>
        readsOrRefuses(frame(JSON.stringify(json), data)),
      ),
      { numRuns: 1000 },
    );
  });

  test('a hundred thousand damaged files are refused or read', async () => {
    for (const bytes of mutations(VALID, 100_000)) await readsOrRefuses(bytes);
  });

  test('a valid file with some bytes changed is refused or read', async () => {
    const change = fc.tuple(fc.nat(VALID.length - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = VALID.slice();
        for (const [at, value] of changes) bytes[at] = value;
        return readsOrRefuses(bytes);
      }),
      { numRuns: 1000 },
    );
  });
});
