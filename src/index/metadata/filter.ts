import { SternaError } from '../../errors.ts';
import type { CompiledFilter } from './compiled-filter.ts';
import { compileCondition } from './condition.ts';
import { invalidFilter, isRecord, type Path } from './filter-errors.ts';
import type { Filter } from './types.ts';

export { type CompiledFilter, evaluate } from './compiled-filter.ts';
export type { Filter } from './types.ts';

/** On the way to a condition: `{ and: [{ year: 7 }] }` has three. */
const MOST_KEYS = 128;

/**
 * Checks a filter as a whole, so that {@link evaluate} cannot fail.
 *
 * @throws SternaError `invalid-input` for unknown operators, values of a wrong type (undefined among them, lest a value that is missing let all
 * documents through), NaN, and filters below more than 128 keys and indexes (circles); the message has the path.
 */
export function compileFilter(filter: Filter): CompiledFilter {
  return compile(filter, []);
}

function compile(filter: unknown, path: Path): CompiledFilter {
  if (!isRecord(filter)) throw invalidFilter(path, filter, 'a plain object with conditions of fields');
  if (path.length > MOST_KEYS) {
    const words = `The filter has filters below ${path.length} keys and indexes; needed: at most ${MOST_KEYS}.`;
    throw new SternaError('invalid-input', words);
  }
  return {
    type: 'and',
    parts: Object.entries(filter).flatMap(([key, value]) => compileEntry(key, value, [...path, key])),
  };
}

function compileEntry(key: string, value: unknown, path: Path): CompiledFilter | CompiledFilter[] {
  if (key === 'and' || key === 'or') {
    if (!Array.isArray(value))
      throw invalidFilter(path, value, `a list of filters; a field of this name is asked for in fields`);
    return { type: key, parts: Array.from(value, (part, i) => compile(part, [...path, `${i}`])) };
  }
  if (key === 'not') return { type: 'not', part: compile(value, path) };
  if (key !== 'fields') return compileCondition(key, value, path);
  if (!isRecord(value)) throw invalidFilter(path, value, 'a plain object with conditions of fields');
  return Object.entries(value).map(([field, condition]) =>
    compileCondition(field, condition, [...path, field]),
  );
}
