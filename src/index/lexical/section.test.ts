import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SternaError } from '../../errors.ts';
import { mutations } from '../../loader/testing/mutations.ts';
import { bm25 } from './bm25.ts';
import { buildLexical } from './merge.ts';
import { LexicalSection } from './section.ts';
import { countedTerms, readAll, readTerm } from './testing/postings-map.ts';
import { rows, seededRows, term } from './testing/random-rows.ts';
import { reseal } from './testing/reseal.ts';

/** The words that something is refused with, or what it gives. */
function refusedOr<T>(work: () => T): T | string {
  try {
    return work();
  } catch (error) {
    if (error instanceof SternaError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

describe('a section', () => {
  test('holds the rows that it was built from', () => {
    fc.assert(
      fc.property(rows, term, (all, one) => {
        const section = LexicalSection.from(buildLexical(all));
        const counted = countedTerms(all);
        expect(readAll(section)).toEqual(counted);
        expect(readTerm(section, one)).toEqual(counted.get(one));
        expect(section.rows).toBe(all.length);
        expect(section.termCount).toBe(counted.size);
        expect([...section.lengths]).toEqual(all.map(({ length }) => length));
        expect(section.totalLength).toBe(all.reduce((sum, { length }) => sum + length, 0));
      }),
    );
  });

  test('of many blocks finds each term, and none that is not there', () => {
    const all = seededRows(3000);
    const section = LexicalSection.from(buildLexical(all));
    const counted = countedTerms(all);
    for (let one = 0; one < 5100; one++) expect(readTerm(section, one)).toEqual(counted.get(one));
    expect(section.find(2 ** 32 - 1)).toBeUndefined();
  });

  test('may lie anywhere, in a buffer or a file', () => {
    const all = seededRows(50);
    const bytes = buildLexical(all);
    const around = new Uint8Array(bytes.length + 3);
    around.set(bytes, 3);
    expect(readAll(LexicalSection.from(around.subarray(3)))).toEqual(countedTerms(all));
    const shared = new Uint8Array(bytes.length);
    const file = {
      size: bytes.length,
      read(start: number, end: number) {
        shared.fill(0xee); // what was read before is gone
        shared.set(bytes.subarray(start, end));
        return shared.subarray(0, end - start);
      },
    };
    expect(readAll(LexicalSection.from(file))).toEqual(countedTerms(all));
  });

  test('reads little of a file: at first no postings, and for a search those of its terms', () => {
    const bytes = buildLexical(seededRows(5000));
    let read = 0;
    const section = LexicalSection.from({
      size: bytes.length,
      read(start, end) {
        read += end - start;
        return bytes.subarray(start, end);
      },
    });
    expect(read).toBeLessThan(2 * 5000 + bytes.length / 20);
    read = 0;
    bm25([{ postings: section }], Uint32Array.of(4321, 3210));
    expect(read).toBeLessThan(4000);
  });

  test('counts more than 65,535 of anything as 65,535', () => {
    const section = LexicalSection.from(buildLexical([new Uint32Array(70_000).fill(7)]));
    expect(section.lengths[0]).toBe(65_535);
    expect(readTerm(section, 7)).toEqual(new Map([[0, 65_535]]));
  });
});

describe('a damaged section', () => {
  const all = [...seededRows(40), Uint32Array.of(2 ** 31, 2 ** 32 - 1)];
  const bytes = buildLexical(all);
  const counted = countedTerms(all);

  test('is refused, or holds what it should: no bit can be turned unnoticed', () => {
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at] ^= 1 << (at & 7);
      const found = refusedOr(() => readAll(LexicalSection.from(damaged)));
      if (typeof found === 'string')
        expect(found).toMatch(/^corrupt-file: The bytes of the index are no usable postings: /);
      else expect(found).toEqual(counted); // a byte between two parts
    }
  });

  test('is refused where its end is missing, or there is more', () => {
    for (let length = 0; length < bytes.length; length++)
      expect(refusedOr(() => LexicalSection.from(bytes.subarray(0, length)))).toMatch(/^corrupt-file: /);
    expect(refusedOr(() => LexicalSection.from(Uint8Array.of(...bytes, 0)))).toBe(
      `corrupt-file: The bytes of the index are no usable postings: there are ${bytes.length + 1} of them; needed: ${bytes.length}.`,
    );
  });

  test('of a later version says what to do', () => {
    const later = bytes.slice();
    later[4] = 2;
    expect(refusedOr(() => LexicalSection.from(later, 'segment-7'))).toBe(
      'corrupt-file: The bytes of segment-7 are no usable postings: they have version 2 of the format and this library reads 1; update the library.',
    );
  });

  test('is refused where a file ends while it is read', () => {
    const short = {
      size: bytes.length,
      read: (start: number, end: number) => bytes.subarray(start, end - 1),
    };
    expect(refusedOr(() => LexicalSection.from(short))).toMatch(/^corrupt-file: /);
  });

  test('is refused or read to its end in 100,000 versions, half of them with checksums that match', () => {
    const small = buildLexical(seededRows(5, 3));
    let refusals = 0;
    let number = 0;
    for (const damaged of mutations(small, 100_000, 5)) {
      if (number++ % 2 === 0) reseal(damaged);
      const found = refusedOr(() => greatestRow(LexicalSection.from(damaged)));
      const isDefined = typeof found === 'string' ? found.startsWith('corrupt-file: ') : found < 2 ** 16;
      if (!isDefined) expect(found).toBe('something defined');
      if (typeof found === 'string') refusals++;
    }
    expect(refusals).toBeGreaterThan(50_000);
    expect(refusals).toBeLessThan(100_000);
  });

  /** Reads and searches all of it. */
  function greatestRow(section: LexicalSection): number {
    const ranked = bm25([{ postings: section }], Uint32Array.of(0, 1, 2, 40, 2 ** 31), { k: 2 });
    let greatest = Math.max(-1, ...ranked.rows);
    for (const list of readAll(section).values())
      for (const row of list.keys()) greatest = Math.max(greatest, row);
    expect(greatest < section.rows || greatest === -1).toBe(true);
    return greatest;
  }
});
