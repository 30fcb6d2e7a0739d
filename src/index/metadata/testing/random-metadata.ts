import fc from 'fast-check';
import type { Condition, Filter, Metadata } from '../types.ts';

/** Few, so that filters find something; some that would pollute a prototype, were they properties. */
const names = fc.constantFrom(
  'a',
  'b',
  'and',
  'fields',
  '__proto__',
  'constructor',
  'toString',
  '\ud800',
  '',
);
const texts = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    'ab',
    'abc',
    'b',
    '__proto__',
    'toString',
    'å',
    '😀',
    '\ud83d',
    '\uffff',
    '\uffff\uffff',
    'ﬀ',
  ),
  fc.constantFrom('2024-05-01', '2024-05-01T00:00:00Z', '2024-05-02T12:30:00.5+02:00'),
);
const numbers = fc.constantFrom(
  0,
  -0,
  1,
  2,
  -1.5,
  1e300,
  5e-324,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
);
const dates = fc
  .constantFrom(0, 1714521600000, 1714645800500, -86400000, 8.64e15)
  .map((time) => new Date(time));
const orderables = fc.oneof(texts, numbers, dates);
const scalars = fc.oneof(orderables, fc.boolean());
const scalarsOrNull = fc.option(scalars);
const textLists = fc.array(texts, { maxLength: 3 });

const values = fc.oneof(
  { weight: 6, arbitrary: scalars },
  { weight: 2, arbitrary: textLists },
  {
    weight: 1,
    arbitrary: fc.constantFrom(null, undefined, { a: 1 }, ['a', 1], Number.NaN, new Date(Number.NaN)),
  },
);

/** Metadata of a document, or none. */
export const randomMetadata: fc.Arbitrary<Metadata | undefined> = fc.option(
  fc.array(fc.tuple(names, values), { maxLength: 6 }).map((entries): Metadata => Object.fromEntries(entries)),
  { nil: undefined, freq: 10 },
);

const operators = fc.record(
  {
    eq: scalarsOrNull,
    ne: scalarsOrNull,
    in: fc.array(scalarsOrNull, { maxLength: 3 }),
    notIn: fc.array(scalarsOrNull, { maxLength: 3 }),
    gt: orderables,
    gte: orderables,
    lt: orderables,
    lte: orderables,
    exists: fc.boolean(),
    contains: texts,
    containsAny: textLists,
    containsAll: textLists,
    startsWith: texts,
  },
  { requiredKeys: [] },
);
const one = fc
  .constantFrom('eq', 'ne', 'gt', 'gte', 'lt', 'lte')
  .chain((name) => orderables.map((value) => ({ [name]: value })));
const conditions: fc.Arbitrary<Condition> = fc.oneof(
  scalarsOrNull,
  fc.array(scalarsOrNull, { maxLength: 3 }),
  one,
  operators.filter((given) => Object.keys(given).length > 0),
);
const fields = fc
  .array(fc.tuple(names, conditions), { minLength: 1, maxLength: 2 })
  .map((entries): { [field: string]: Condition } => Object.fromEntries(entries));

/** A filter of whatever shape. */
export const { filter: randomFilter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fields.map((conditions): Filter => ({ fields: conditions })),
    fc
      .tuple(fc.constantFrom('a', '__proto__', 'toString'), conditions)
      .map((entry): Filter => Object.fromEntries([entry])),
    fc.array(tie('filter'), { maxLength: 3 }).map((and): Filter => ({ and })),
    fc.array(tie('filter'), { maxLength: 3 }).map((or): Filter => ({ or })),
    tie('filter').map((not): Filter => ({ not })),
  ),
}));
