import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LexicalHead } from './head.ts';
import { buildLexical, mergeLexical } from './merge.ts';
import { LexicalSection } from './section.ts';
import { maskOf, rows, seededRows } from './testing/random-rows.ts';

/** Rows with a bit for each. */
const masked = rows.chain((all) =>
  fc.record({
    all: fc.constant(all),
    bits: fc.array(fc.boolean(), { minLength: all.length, maxLength: all.length }),
    isHead: fc.boolean(),
  }),
);

describe('merging', () => {
  test('makes the bytes that are built from the rows that are kept', () => {
    fc.assert(
      fc.property(fc.array(masked, { maxLength: 4 }), (parts) => {
        const merged = mergeLexical(
          parts.map(({ all, bits, isHead }) => ({
            postings: isHead ? headOf(all) : LexicalSection.from(buildLexical(all)),
            mask: maskOf(bits),
          })),
        );
        expect(merged).toEqual(
          buildLexical(parts.flatMap(({ all, bits }) => all.filter((_, row) => bits[row]))),
        );
      }),
    );
  });

  test('keeps all rows without a mask, and none beyond the end of one', () => {
    const all = seededRows(100);
    const section = LexicalSection.from(buildLexical(all));
    expect(mergeLexical([{ postings: section }, { postings: section }])).toEqual(
      buildLexical([...all, ...all]),
    );
    const mask = Uint32Array.of(0xffffffff);
    expect(mergeLexical([{ postings: section, mask }])).toEqual(buildLexical(all.slice(0, 32)));
  });

  test('of nothing makes an empty section', () => {
    const section = LexicalSection.from(mergeLexical([]));
    expect([section.rows, section.termCount, section.totalLength]).toEqual([0, 0, 0]);
    expect(section.find(0)).toBeUndefined();
  });
});

function headOf(all: readonly Uint32Array[]): LexicalHead {
  const head = new LexicalHead();
  for (const terms of all) head.add(terms);
  return head;
}
