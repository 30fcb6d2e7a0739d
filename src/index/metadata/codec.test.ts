import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { metadataFromJson, metadataToJson } from './codec.ts';
import type { Metadata } from './types.ts';

const names = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('__proto__', 'constructor', 'toString', '$date', '$number', '$literal'),
);
const { value: values } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'binary' }),
    fc.double({ noNaN: true }),
    fc.constantFrom(null, true, false, -0, Infinity, -Infinity, '\ud800'),
    fc.date({ noInvalidDate: true }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(names, tie('value')), { maxLength: 3 }).map((entries) => Object.fromEntries(entries)),
  ),
}));
const metadata = fc
  .array(fc.tuple(names, values), { maxLength: 5 })
  .map((entries): Metadata => Object.fromEntries(entries));

test('metadata comes back from JSON as it was', () => {
  fc.assert(
    fc.property(metadata, (one) => {
      // Not toStrictEqual, which takes a property called constructor for the constructor.
      expect(isDeepStrictEqual(metadataFromJson(metadataToJson(one)), one)).toBe(true);
    }),
  );
});

test('a property called __proto__ is one like any other', () => {
  const back = metadataFromJson('{"__proto__":{"isAdmin":true},"a":{"__proto__":1}}') as Record<
    string,
    object
  >;
  expect(Object.keys(back)).toEqual(['__proto__', 'a']);
  expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
  expect(Object.keys(back.a)).toEqual(['__proto__']);
  expect(metadataToJson(back)).toBe('{"__proto__":{"isAdmin":true},"a":{"__proto__":1}}');
});

test('properties that are undefined are left out', () => {
  expect(metadataToJson({ a: undefined, b: 1 })).toBe('{"b":1}');
});

test('what JSON cannot hold is refused with its path', () => {
  const circle: Record<string, unknown> = {};
  circle.again = { and: [circle] };
  const cases: [unknown, string][] = [
    [{ a: Number.NaN }, 'metadata.a is NaN'],
    [{ a: [1, { 'b c': () => 1 }] }, 'metadata.a[1]["b c"] is a function'],
    [{ a: 1n }, 'metadata.a is a bigint'],
    [{ a: Symbol('b') }, 'metadata.a is a symbol'],
    [{ a: [undefined] }, 'metadata.a[0] is undefined'],
    [{ a: new Array(1) }, 'metadata.a[0] is undefined'],
    [{ a: new Map() }, 'metadata.a is an object that is not plain'],
    [{ a: new Date(Number.NaN) }, 'metadata.a is an invalid Date'],
    [circle, 'metadata.again.and[0] is an object that it is a part of'],
    [[], 'metadata is a list'],
    [null, 'metadata is null'],
  ];
  for (const [value, message] of cases) {
    const refusal = expect.objectContaining({
      code: 'invalid-input',
      message: expect.stringContaining(message),
    });
    expect(() => metadataToJson(value as Metadata), message).toThrow(refusal);
  }
});

test('a hundred levels come back and more are refused', () => {
  const nested = (levels: number): Metadata => (levels === 1 ? {} : { $literal: nested(levels - 1) });
  expect(metadataFromJson(metadataToJson(nested(100)))).toEqual(nested(100));
  expect(() => metadataToJson(nested(101))).toThrow(expect.objectContaining({ code: 'invalid-input' }));
});

test('JSON that was not written here is refused', () => {
  const deep = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
  const marks = [
    '{"$date":"x"}',
    '{"a":{"$date":9e99}}',
    '{"a":{"$number":"7"}}',
    '{"a":{"$literal":[]}}',
    '{"$date":7}',
  ];
  for (const json of ['', '{', '[]', 'null', '7', deep, ...marks]) {
    expect(() => metadataFromJson(json)).toThrow(expect.objectContaining({ code: 'corrupt-file' }));
  }
});
