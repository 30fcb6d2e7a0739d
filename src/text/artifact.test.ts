import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crc32 } from '../crc32.ts';
import { SternaError } from '../errors.ts';
import { tokenizerFromBytes, tokenizerToBytes } from './artifact.ts';
import { readArtifact, writeArtifact } from './artifact-format.ts';
import { deflate, inflate } from './deflate.ts';
import { smallTokenizerJson } from './testing/small-tokenizer.ts';
import { Tokenizer } from './tokenizer.ts';
import { Vocabulary } from './vocabulary.ts';

const data = new URL('../../../shared/data/xlm-r/', import.meta.url);
const here = existsSync(data);

const encode = (json: unknown) => new TextEncoder().encode(JSON.stringify(json));

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'none';
  } catch (error) {
    return error instanceof SternaError ? `${error.code}: ${error.message}` : `foreign: ${error}`;
  }
}

function vocabularyOf(entries: readonly (readonly [piece: string, score: number])[]): Vocabulary {
  const vocabulary = Vocabulary.ofLengths(Uint32Array.from(entries, ([piece]) => piece.length));
  for (const [id, [piece, score]] of entries.entries()) {
    vocabulary.scores[id] = score;
    for (let k = 0; k < piece.length; k++) vocabulary.units[vocabulary.starts[id] + k] = piece.charCodeAt(k);
  }
  return vocabulary;
}

/** Writes and reads a vocabulary. */
async function thereAndBack(entries: readonly (readonly [piece: string, score: number])[]) {
  const bytes = await writeArtifact({ json: {}, charsmaps: [], vocabulary: vocabularyOf(entries) }, 'test');
  const { vocabulary } = await readArtifact(bytes, 'test');
  return entries.map((_, id) => [vocabulary.piece(id), vocabulary.scores[id]]);
}

/** Puts the checksum right, so that damage is seen by what is behind it. */
function withChecksum(bytes: Uint8Array): Uint8Array {
  const sum = (crc32(bytes.subarray(0, 12)) ^ Math.imul(crc32(bytes.subarray(16)), 0x9e3779b1)) >>> 0;
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(12, sum, true);
  return bytes;
}

/** An artifact with this body. */
async function around(body: Uint8Array<ArrayBuffer>, size = body.length): Promise<Uint8Array> {
  const packed = await deflate(body);
  const bytes = new Uint8Array(16 + packed.length);
  const header = new DataView(bytes.buffer);
  for (const [i, word] of [0x4b4f5453, 1, size].entries()) header.setUint32(4 * i, word, true);
  bytes.set(packed, 16);
  return withChecksum(bytes);
}

const small = await tokenizerToBytes(encode(smallTokenizerJson()));

describe('pieces and scores come back bit for bit', () => {
  const piece = fc.oneof(
    fc.string({ unit: fc.constantFrom('a', 'b', '▁', 'の', '😀', '\ud800'), maxLength: 40 }),
    fc.string({ unit: 'binary', maxLength: 9 }),
  );
  const scores: Record<string, fc.Arbitrary<number>> = {
    'short decimals': fc.integer({ min: -2_500_000, max: 0 }).map((number) => number / 1e5),
    'whole numbers': fc.integer({ min: -1000, max: 1000 }),
    float32: fc.float({ noNaN: true, noDefaultInfinity: true }),
    float64: fc.double({ noNaN: true, noDefaultInfinity: true }),
    'zeros of both signs': fc.constantFrom(0, -0),
  };

  test.each(Object.keys(scores))('%s', async (kind) => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(piece, scores[kind]), { maxLength: 40 }), async (entries) => {
        const found = await thereAndBack(entries);
        expect(found.map(([piece]) => piece)).toEqual(entries.map(([piece]) => piece));
        expect(found.every(([, score], id) => Object.is(score, entries[id][1]))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('short decimals and float32 that fall take few bytes, and others a little more', async () => {
    const size = async (score: (i: number) => number) => {
      const entries = Array.from({ length: 5000 }, (_, i) => [`${i}`, score(i)] as const);
      return (await writeArtifact({ json: {}, charsmaps: [], vocabulary: vocabularyOf(entries) }, '')).length;
    };
    const nothing = await size(() => 0);
    const noise = (i: number) => (i * 0.618034) % 0.0004;
    expect((await size((i) => -Number((3 + i / 1000 + noise(i)).toFixed(5)))) - nothing).toBeLessThan(8000);
    expect((await size((i) => -Math.fround(3 + i / 1000 + noise(i)))) - nothing).toBeLessThan(15_000);
    expect(await size((i) => -Math.sqrt(3 + i))).toBeGreaterThan(nothing + 20_000);
  });
});

describe('an artifact', () => {
  test('encodes as its source does', async () => {
    const json = smallTokenizerJson({ added: [{ id: 13, content: '[X]', lstrip: true }] });
    const [source, packed] = [
      Tokenizer.fromJSON(json),
      await tokenizerFromBytes(await tokenizerToBytes(encode(json))),
    ];
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' ', 'd', '[X]', '<s>', '\ud800') });
    fc.assert(
      fc.property(text, (text) => {
        expect(packed.encode(text)).toEqual(source.encode(text));
      }),
    );
    expect(packed.vocabularySize).toBe(source.vocabularySize);
  });

  test('keeps character maps, in sequences too', async () => {
    const nano = readFileSync(new URL('../../models/nano/tokenizer.json', import.meta.url));
    const json = JSON.parse(nano.toString());
    const twice = {
      ...json,
      normalizer: { type: 'Sequence', normalizers: [json.normalizer, json.normalizer] },
    };
    for (const source of [json, twice]) {
      const bytes = await tokenizerToBytes(encode(source));
      const packed = await tokenizerFromBytes(bytes);
      const text = 'ﬁne Ｆｕｌｌ ½ é ㌔';
      expect(packed.encode(text)).toEqual(Tokenizer.fromJSON(source).encode(text));
    }
  });

  test('is of no use to what cannot be used as JSON either', async () => {
    const bert = encode({ model: { type: 'WordPiece', vocab: { a: 0 } } });
    expect(await codeOf(tokenizerToBytes(bert, 'bert.json'))).toMatch(
      /^unsupported-model: bert\.json: model\.type/,
    );
    expect(await codeOf(tokenizerToBytes(encode([]), 'x.json'))).toMatch(/^corrupt-file: x\.json/);
  });

  test('may lie anywhere in a larger buffer, and in memory that is shared between threads', async () => {
    const larger = new Uint8Array(small.length + 7);
    larger.set(small, 3);
    const shared = new Uint8Array(new SharedArrayBuffer(small.length));
    shared.set(small);
    for (const bytes of [larger.subarray(3, 3 + small.length), shared])
      expect((await tokenizerFromBytes(bytes)).idOf('abc')).toBe(12);
  });
});

describe('is refused, by name:', () => {
  test.each<[string, (bytes: Uint8Array) => Uint8Array, RegExp]>([
    ['no bytes', () => new Uint8Array(), /has 0 bytes; needed: at least 16/],
    ['something else', () => encode(smallTokenizerJson()), /does not begin as a packed tokenizer/],
    ['a later version', (bytes) => bytes.fill(9, 4, 5), /version 9 .* reads 1; update Sterna/],
    ['an earlier version', (bytes) => bytes.fill(0, 4, 5), /version 0 .* needed: 1/],
    ['a cut end', (bytes) => bytes.subarray(0, -1), /checksum/],
    ['bytes behind the end', (bytes) => Uint8Array.of(...bytes, 0), /checksum/],
  ])('%s', async (_, change, words) => {
    const found = await codeOf(tokenizerFromBytes(change(small.slice()), 'a.bin'));
    expect(found).toMatch(/^corrupt-file: a\.bin is no usable tokenizer/);
    expect(found).toMatch(words);
  });

  test('every single damaged byte', async () => {
    for (let at = 0; at < small.length; at++) {
      const bytes = small.slice();
      bytes[at] ^= 1 << (at % 8);
      expect(await codeOf(tokenizerFromBytes(bytes))).toMatch(/^corrupt-file/);
    }
  });

  test('a body that is larger or smaller than it says, or larger than any', async () => {
    const zeros = new Uint8Array(1_000_000);
    expect(await codeOf(readArtifact(await around(zeros, 1000), ''))).toMatch(/does not unpack to the 1000/);
    expect(await codeOf(readArtifact(await around(zeros, 1_000_001), ''))).toMatch(/does not unpack/);
    expect(await codeOf(readArtifact(await around(zeros, 2 ** 27), ''))).toMatch(/does not unpack/);
    expect(await codeOf(readArtifact(await around(zeros, 2 ** 32 - 1), ''))).toMatch(/at most/);
    expect(await codeOf(readArtifact(await around(zeros), ''))).toMatch(/^corrupt-file/);
    new DataView(zeros.buffer).setUint32(0, 2 ** 24 + 1, true);
    expect(await codeOf(readArtifact(await around(zeros), ''))).toMatch(/has 16777217 pieces; at most/);
  });
});

test('whatever is damaged behind a right checksum ends in a tokenizer or in a refusal', async () => {
  const body = (await inflate(small.slice(16), new DataView(small.buffer).getUint32(8, true)))!;
  const edit = fc.tuple(fc.nat(body.length - 1), fc.oneof(fc.nat(255), fc.constantFrom(0, 0x7f, 0xff)));
  const outcomes = new Set<string>();
  await fc.assert(
    fc.asyncProperty(
      fc.array(edit, { minLength: 1, maxLength: 4 }),
      fc.option(fc.nat(body.length), { freq: 5 }),
      async (edits, cut) => {
        const bytes = body.slice(0, cut ?? body.length);
        for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value;
        const found = await codeOf(tokenizerFromBytes(await around(bytes)));
        outcomes.add(found.split(':')[0]);
        expect(found).toMatch(/^(none|corrupt-file|unsupported-model)/);
      },
    ),
    { numRuns: 15_000 },
  );
  expect(outcomes.size).toBeGreaterThan(1);
}, 60_000);

test('so does whatever is damaged in the deflated bytes', async () => {
  const edit = fc.tuple(fc.integer({ min: 8, max: small.length - 1 }), fc.nat(255));
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
      const bytes = small.slice();
      for (const [at, value] of edits) bytes[at] = value;
      const found = await codeOf(tokenizerFromBytes(withChecksum(bytes)));
      expect(found).toMatch(/^(none|corrupt-file|unsupported-model)/);
    }),
    { numRuns: 5000 },
  );
}, 60_000);

describe.skipIf(!here)('XLM-R (skipped where ../shared/data/xlm-r is absent)', () => {
  test('takes less than 1.25 MB, and gives the reference ids for every line of the parity corpus', async () => {
    const bytes = await tokenizerToBytes(readFileSync(new URL('tokenizer.json', data)));
    expect(bytes.length).toBeLessThan(1_250_000);
    const tokenizer = await tokenizerFromBytes(bytes);
    const lines = gunzipSync(readFileSync(new URL('parity.jsonl.gz', data)))
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { text: string; ids: number[] });
    expect(lines.length).toBeGreaterThan(13_000);
    const other = lines.filter(({ text, ids }) => tokenizer.encode(text).ids.join() !== ids.join());
    expect(other.map(({ text }) => text)).toEqual([]);
  }, 60_000);

  test('gives the ranges that its source gives', async () => {
    const json = readFileSync(new URL('tokenizer.json', data));
    const source = Tokenizer.fromJSON(json);
    const packed = await tokenizerFromBytes(await tokenizerToBytes(json));
    for (const { text } of JSON.parse(readFileSync(new URL('edge.json', data), 'utf8')))
      expect(packed.encode(text)).toEqual(source.encode(text));
  }, 60_000);

  test('has the pieces and scores of JSON.parse', async () => {
    const json = readFileSync(new URL('tokenizer.json', data));
    const { vocabulary } = await readArtifact(await tokenizerToBytes(json), '');
    const { vocab } = JSON.parse(json.toString()).model as { vocab: [string, number][] };
    expect(vocabulary.size).toBe(vocab.length);
    const other = vocab.filter(
      ([piece, score], id) => vocabulary.piece(id) !== piece || !Object.is(vocabulary.scores[id], score),
    );
    expect(other).toEqual([]);
  }, 60_000);
});
