import type { CompiledFilter } from './compiled-filter.ts';
import { invalidFilter, isRecord, type Path } from './filter-errors.ts';
import type { Range, ValueTest } from './source.ts';
import type { Operators } from './types.ts';

type Compile = (field: string, value: unknown, path: Path) => CompiledFilter;

const OPERATORS = new Map<string, Compile>(
  Object.entries({
    eq: equals,
    ne: (...of) => not(equals(...of)),
    in: oneOf,
    notIn: (...of) => not(oneOf(...of)),
    gt: comparison((from) => ({ from, isAfterFrom: true })),
    gte: comparison((from) => ({ from })),
    lt: comparison((to) => ({ to, isBeforeTo: true })),
    lte: comparison((to) => ({ to })),
    exists,
    contains: hasTag,
    containsAny: (field, tags, path) => ({
      type: 'or',
      parts: eachOf(tags, path, (tag, at) => hasTag(field, tag, at)),
    }),
    containsAll: (field, tags, path) => ({
      type: 'and',
      parts: eachOf(tags, path, (tag, at) => hasTag(field, tag, at)),
    }),
    startsWith,
  } satisfies Record<keyof Operators, Compile>),
);

const ISO_DATE = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;

/** @throws SternaError `invalid-input` for a condition that is none. */
export function compileCondition(field: string, condition: unknown, path: Path): CompiledFilter {
  if (Array.isArray(condition)) return oneOf(field, condition, path);
  if (!isRecord(condition)) return equals(field, condition, path);
  const parts = Object.entries(condition).map(([operator, value]) => {
    const compile = OPERATORS.get(operator);
    if (compile) return compile(field, value, [...path, operator]);
    throw invalidFilter(
      [...path, operator],
      value,
      `none of this name, but ${[...OPERATORS.keys()].join(', ')}`,
    );
  });
  if (parts.length === 0) throw invalidFilter(path, condition, 'one operator at least');
  return { type: 'and', parts };
}

function equals(field: string, value: unknown, path: Path): CompiledFilter {
  if (value === null) return not(present(field));
  if (typeof value === 'boolean') return test(field, { type: 'boolean', value });
  const needed = 'a string, number, boolean, Date or null';
  return inRange(field, value, (bound) => ({ from: bound, to: bound }), path, needed);
}

function oneOf(field: string, values: unknown, path: Path): CompiledFilter {
  return { type: 'or', parts: eachOf(values, path, (value, at) => equals(field, value, at)) };
}

function comparison(rangeOf: <T extends string | number>(bound: T) => Range<T>): Compile {
  return (field, bound, path) => inRange(field, bound, rangeOf, path, 'a string, number or Date');
}

/** A string that is an ISO date asks for dates, too. */
function inRange(
  field: string,
  bound: unknown,
  rangeOf: <T extends string | number>(bound: T) => Range<T>,
  path: Path,
  needed: string,
): CompiledFilter {
  if (typeof bound === 'number' && !Number.isNaN(bound))
    return test(field, { type: 'number', range: rangeOf(bound) });
  const instant = instantOf(bound);
  const dates = Number.isNaN(instant) ? undefined : test(field, { type: 'date', range: rangeOf(instant) });
  if (typeof bound !== 'string') {
    if (dates) return dates;
    throw invalidFilter(path, bound, needed);
  }
  const texts = test(field, { type: 'text', range: rangeOf(bound) });
  return dates ? { type: 'or', parts: [texts, dates] } : texts;
}

/** Milliseconds since 1970 of a Date or ISO date; otherwise NaN. */
function instantOf(value: unknown): number {
  if (value instanceof Date) return value.getTime();
  return typeof value === 'string' && ISO_DATE.test(value) ? Date.parse(value) : Number.NaN;
}

function exists(field: string, value: unknown, path: Path): CompiledFilter {
  if (typeof value !== 'boolean') throw invalidFilter(path, value, 'true or false');
  return value ? present(field) : not(present(field));
}

function hasTag(field: string, tag: unknown, path: Path): CompiledFilter {
  if (typeof tag !== 'string') throw invalidFilter(path, tag, 'a string');
  return test(field, { type: 'text', range: { from: tag, to: tag } });
}

function startsWith(field: string, prefix: unknown, path: Path): CompiledFilter {
  if (typeof prefix !== 'string') throw invalidFilter(path, prefix, 'a string');
  return test(field, { type: 'text', range: { from: prefix, to: afterPrefix(prefix), isBeforeTo: true } });
}

/** The first string, by code units, after all that begin with the prefix; undefined where there is none. */
function afterPrefix(prefix: string): string | undefined {
  let end = prefix.length;
  while (end > 0 && prefix.charCodeAt(end - 1) === 0xffff) end--;
  return end === 0
    ? undefined
    : prefix.slice(0, end - 1) + String.fromCharCode(prefix.charCodeAt(end - 1) + 1);
}

function eachOf(
  values: unknown,
  path: Path,
  compile: (value: unknown, path: Path) => CompiledFilter,
): CompiledFilter[] {
  if (!Array.isArray(values)) throw invalidFilter(path, values, 'a list of values');
  return Array.from(values, (value, i) => compile(value, [...path, `${i}`]));
}

function present(field: string): CompiledFilter {
  return test(field, { type: 'present' });
}

function test(field: string, question: ValueTest): CompiledFilter {
  return { type: 'test', field, test: question };
}

function not(part: CompiledFilter): CompiledFilter {
  return { type: 'not', part };
}
