import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IdTable } from './id-table.ts';

const id = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    'ab',
    '__proto__',
    'x'.repeat(254),
    'x'.repeat(255),
    'é'.repeat(300),
    '\ufeffa',
    '\u0000',
  ),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }),
);

function reopened(table: IdTable): IdTable {
  const { lengths, long, text } = table.sections();
  const [a, b] = [lengths.slice(), text.slice()];
  return IdTable.from(
    () => a,
    long,
    () => b,
  );
}

describe('a table of ids', () => {
  test('is a map from ids to rows, and back', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(id, fc.boolean()), { maxLength: 200 }), (steps) => {
        const table = new IdTable();
        const rows = new Map<string, number>();
        for (const [name, isRemoved] of steps) {
          const row = rows.get(name);
          expect(table.find(name)).toBe(row ?? -1);
          if (row !== undefined && isRemoved) {
            table.remove(row);
            rows.delete(name);
          } else if (row !== undefined) expect(table.add(name)).toBe(-1);
          else rows.set(name, table.add(name));
        }
        expect(table.size).toBe(rows.size);
        const mask = table.mask();
        for (const [name, row] of rows) expect(table.at(row)).toBe(name);
        for (let row = 0; row < table.length; row++)
          expect(mask === undefined || ((mask[row >> 5] >>> (row & 31)) & 1) === 1).toBe(
            [...rows.values()].includes(row),
          );
      }),
    );
  });

  test('comes back from its sections, and goes on', () => {
    fc.assert(
      fc.property(fc.uniqueArray(id, { maxLength: 100 }), fc.nat(100), (names, cut) => {
        const table = new IdTable();
        for (const name of names) table.add(name);
        table.truncate(cut);
        const copy = reopened(table);
        for (const [row, name] of names.entries()) {
          if (row >= cut) expect(copy.add(name)).toBe(row);
          expect(copy.find(name)).toBe(row);
          expect(copy.at(row)).toBe(name);
        }
      }),
    );
  });

  test('of a million numbers takes eleven bytes each', { timeout: 60_000 }, () => {
    const table = new IdTable();
    table.reserve(1_000_000);
    for (let row = 0; row < 1_000_000; row++) table.add(`${row}`);
    expect(reopened(table).bytes).toBeLessThan(11.2e6);
    for (const row of [0, 9, 99_999, 999_999]) expect(table.find(`${row}`)).toBe(row);
    expect(table.find('1000000')).toBe(-1);
  });

  test.each([
    ['empty ids', [0], [], ''],
    ['two of one name', [1, 1], [], 'aa'],
    ['letters that are cut in two', [1, 1], [], 'é'],
    ['too few letters', [5], [], 'abcd'],
    ['long ids without a length', [255], [], 'x'.repeat(255)],
    ['long ids that are short', [255], [0, 3], 'abc'],
    ['lengths of other rows', [1], [0, 300], 'a'],
  ])('with %s is refused', (_, lengths, long, text) => {
    const bytes = new TextEncoder().encode(text);
    expect(() =>
      IdTable.from(
        () => Uint8Array.from(lengths),
        Uint32Array.from(long),
        () => bytes,
      ),
    ).toThrow(/^The bytes are no usable vector index: /);
  });
});
