import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mutations } from '../loader/testing/mutations.ts';
import { fromArrow, toArrow } from './arrow.ts';
import type { ExchangeFile, ExchangeHeader, ExchangeRow, ExchangeRows, WriteOptions } from './exchange.ts';
import { fromParquet, toParquet } from './parquet.ts';
import type { ExchangeSource } from './random-reader.ts';
import { bytesOf, HEADER, listOf, outcome, sampleRows, vectorOf } from './testing/sample.ts';

interface Format {
  readonly name: string;
  to(rows: ExchangeRows, header: ExchangeHeader, options?: WriteOptions): ReadableStream<Uint8Array>;
  from(source: ExchangeSource): Promise<ExchangeFile>;
}

const FORMATS: readonly Format[] = [
  { name: 'Parquet', to: toParquet, from: fromParquet },
  { name: 'an Arrow stream', to: toArrow, from: fromArrow },
  {
    name: 'an Arrow file',
    to: (rows, header, options) => toArrow(rows, header, { ...options, format: 'file' }),
    from: fromArrow,
  },
];

const refusal = (code: string, words: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(words) });

/** Strings with marks at their beginning, characters outside of the basic plane, and zeros. */
const text = fc.string({ unit: 'binary', maxLength: 20 });

/** Whatever metadata can be, and JSON can say. */
const values = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((x) => !Object.is(x, -0)),
    fc.boolean(),
    fc.constant(null),
    fc.date({ noInvalidDate: true }),
    fc.array(text, { maxLength: 3 }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.oneof(text, fc.constantFrom('$date', '$literal')), tie('value'), { maxKeys: 2 }),
  ),
})).value;

const fields = fc.oneof(
  text,
  fc.constantFrom('a', 'b', '__proto__', 'constructor', 'toString', 'Text', 'id', 'a.b', ''),
);

const row: fc.Arbitrary<ExchangeRow> = fc
  .record({
    id: text.filter((id) => id !== ''),
    text,
    metadata: fc.option(
      fc.array(fc.tuple(fields, values), { maxLength: 5 }).map((entries) => Object.fromEntries(entries)),
      { nil: undefined },
    ),
    vector: fc.option(
      fc
        .array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 8, maxLength: 8 })
        .map((list) => Float32Array.from(list)),
      { nil: undefined },
    ),
  })
  .map((parts) => ({ ...parts, passage: 0, start: 0, end: parts.text.length, document: parts.text }));

describe.each(FORMATS)('$name', ({ to, from }) => {
  it('gives back what was written, in order', async () => {
    const rows = [...sampleRows(40)];
    const bytes = await bytesOf(to(rows, HEADER));
    const file = await from(bytes);
    expect(file.header).toEqual(HEADER);
    expect(await listOf(file.rows)).toEqual(rows);
    // From the beginning again, and from other sources.
    const inNode = {
      size: bytes.length,
      bytes,
      async read(start: number, end: number) {
        return this.bytes.slice(start, end);
      },
    };
    for (const source of [bytes.buffer, new Blob([bytes]), inNode]) {
      const again = await from(source);
      expect((await listOf(again.rows)).length).toBe(rows.length);
      expect((await listOf(again.rows)).length).toBe(rows.length);
    }
  });

  it('gives back whatever ids, texts, metadata and vectors there are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 6 }), async (rows) => {
        const file = await from(await bytesOf(to(rows, HEADER)));
        expect(await listOf(file.rows)).toEqual(rows);
      }),
      { numRuns: 150 },
    );
  });

  it('has no rows where none were written', async () => {
    const file = await from(await bytesOf(to([], HEADER)));
    expect(file.header).toEqual(HEADER);
    expect(await listOf(file.rows)).toEqual([]);
  });

  it('writes groups of rows while more come, and reads them one by one', async () => {
    let made = 0;
    async function* rows() {
      for (const row of sampleRows(4000)) {
        made++;
        yield row;
      }
    }
    const reader = to(rows(), HEADER).getReader();
    const pieces = [(await reader.read()).value!];
    expect(made).toBeLessThan(2100);
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) pieces.push(piece.value);
    const file = await from(new Blob(pieces as Uint8Array<ArrayBuffer>[]));
    let places = 0;
    for await (const _ of file.rows) if (places++ === 3000) break;
    expect(places).toBe(3001);
    expect((await listOf(file.rows)).length).toBe(made);
  });

  it('stops asking for rows where the stream is given up', async () => {
    let isOver = false;
    function* rows() {
      try {
        yield* sampleRows(10_000);
      } finally {
        isOver = true;
      }
    }
    const reader = to(rows(), HEADER).getReader();
    await reader.read();
    await reader.cancel();
    expect(isOver).toBe(true);
  });

  it('keeps a value of another type than its column in the JSON alone', async () => {
    const rows = [...sampleRows(3)].map((row, i) => ({
      ...row,
      metadata: { year: i % 2 ? 'long ago' : 1990, at: new Date(i) },
    }));
    const bytes = await bytesOf(to(rows, HEADER, { columns: { year: 'number', at: 'string' } }));
    expect(await listOf((await from(bytes)).rows)).toEqual(rows);
  });

  it('refuses headers, columns and rows that are none', async () => {
    const [row] = sampleRows(1);
    expect(() => to([], { ...HEADER, space: '' })).toThrow(refusal('invalid-input', 'no space'));
    expect(() => to([], { ...HEADER, dimensions: 0 })).toThrow(refusal('invalid-input', '0 dimensions'));
    expect(() => to([], HEADER, { columns: { Text: 'string' } })).toThrow(
      refusal('invalid-input', '"Text" cannot be'),
    );
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    const wrong: [Partial<ExchangeRow>, string, string][] = [
      [{ id: '' }, 'invalid-input', 'id of a row'],
      [{ passage: -1 }, 'invalid-input', 'passage is -1'],
      [{ end: 2 ** 31 }, 'invalid-input', 'end is'],
      [{ metadata: circle }, 'invalid-input', 'cannot be written as JSON'],
      [{ vector: new Float32Array(7) }, 'invalid-vector', '7 dimensions'],
    ];
    for (const [part, code, words] of wrong)
      await expect(bytesOf(to([{ ...row, ...part }], HEADER))).rejects.toThrow(refusal(code, words));
  });

  it('refuses an export of a later version with advice', async () => {
    const bytes = await bytesOf(to(sampleRows(1), HEADER));
    const place = new TextDecoder('latin1').decode(bytes).indexOf('{"version":1');
    bytes[place + 11] = '2'.charCodeAt(0);
    await expect(from(bytes)).rejects.toThrow(refusal('corrupt-file', 'update the library'));
  });

  it('refuses bytes that are nothing of the kind', async () => {
    const refused = expect.objectContaining({ code: 'corrupt-file' });
    for (const length of [0, 1, 7, 8, 12, 100])
      await expect(from(new Uint8Array(length))).rejects.toThrow(refused);
    await expect(from(new TextEncoder().encode('{"id": "a", "text": "b"}\n'))).rejects.toThrow(refused);
    await expect(from({} as Blob)).rejects.toThrow(refusal('invalid-input', 'needed: a Blob'));
  });

  it('reads damaged bytes or refuses them, and does nothing else', async () => {
    const bytes = await bytesOf(to(sampleRows(12), HEADER));
    let refused = 0;
    for (const damaged of mutations(bytes, 2000)) {
      const read = async () => listOf((await from(damaged)).rows);
      if ((await outcome(read)) === 'refused') refused++;
    }
    expect(refused).toBeGreaterThan(500);
  });

  it('refuses vectors that are not finite', async () => {
    const [row] = sampleRows(1);
    const vector = vectorOf(8, () => 1);
    vector[3] = Number.NaN;
    const file = await from(await bytesOf(to([{ ...row, vector }], HEADER)));
    await expect(listOf(file.rows)).rejects.toThrow(refusal('corrupt-file', 'dimension 3'));
  });
});
