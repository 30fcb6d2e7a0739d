import { SternaError } from '../../errors.ts';
import { pathTo } from './path.ts';
import type { Metadata } from './types.ts';

/** A date is `{ "$date": milliseconds since 1970 }`. */
const DATE = '$date';
/** What JSON has no number for: `{ "$number": "-0" }`, `"Infinity"` or `"-Infinity"`. */
const NUMBER = '$number';
/** Around an object that would be taken for one of these three. */
const LITERAL = '$literal';

const NUMBERS = new Map([
  ['-0', -0],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);

/** Objects and lists within one another. */
const MOST_LEVELS = 100;
/** An object of one level takes two levels of JSON where it is marked as a literal. */
const MOST_JSON_LEVELS = 2 * MOST_LEVELS + 1;

/**
 * Metadata as JSON from which {@link metadataFromJson} makes an equal object: dates stay apart from strings. Properties that are undefined are
 * left out.
 *
 * @throws SternaError `invalid-input`, with the path, for what would not come back: NaN, invalid dates, functions, symbols, bigints, objects that
 * are not plain, circles, more than 100 levels.
 */
export function metadataToJson(metadata: Metadata): string {
  if (!isPlain(metadata)) throw refused([], described(metadata), 'a plain object');
  return JSON.stringify(marked(metadata, [], []));
}

/** @throws SternaError `corrupt-file` for what {@link metadataToJson} does not write. */
export function metadataFromJson(json: string): Metadata {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw corrupt('it is no JSON', cause);
  }
  const metadata = unmarked(value, 1);
  if (!isPlain(metadata)) throw corrupt('it is no object');
  return metadata;
}

function marked(value: unknown, path: readonly string[], ancestors: readonly object[]): unknown {
  if (typeof value === 'number') return markedNumber(value, path);
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (value instanceof Date) return markedDate(value, path);
  if (!Array.isArray(value) && !isPlain(value))
    throw refused(path, described(value), 'a value that JSON can hold');
  if (ancestors.includes(value)) throw refused(path, 'an object that it is a part of', 'no circle');
  if (ancestors.length === MOST_LEVELS)
    throw refused(path, 'one more level', `at most ${MOST_LEVELS} levels`);
  const within = [...ancestors, value];
  // Array.from visits holes, too.
  if (Array.isArray(value)) return Array.from(value, (item, i) => marked(item, [...path, `${i}`], within));
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  const object = fromEntries(entries.map(([key, item]) => [key, marked(item, [...path, key], within)]));
  return markOf(object) === undefined ? object : { [LITERAL]: object };
}

function markedNumber(value: number, path: readonly string[]): unknown {
  if (Number.isNaN(value)) throw refused(path, 'NaN', 'a number, or null where there is none');
  if (Object.is(value, -0)) return { [NUMBER]: '-0' };
  return Number.isFinite(value) ? value : { [NUMBER]: `${value}` };
}

function markedDate(value: Date, path: readonly string[]): unknown {
  if (Number.isNaN(value.getTime()))
    throw refused(path, 'an invalid Date', 'a valid one, or null where there is none');
  return { [DATE]: value.getTime() };
}

function unmarked(value: unknown, level: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (level > MOST_JSON_LEVELS) throw corrupt(`it has more than ${MOST_JSON_LEVELS} levels`);
  if (Array.isArray(value)) return value.map((item) => unmarked(item, level + 1));
  const mark = markOf(value);
  if (mark === undefined) return unmarkedObject(value, level);
  return meaningOf(mark, (value as Record<string, unknown>)[mark], level);
}

function meaningOf(mark: string, value: unknown, level: number): unknown {
  if (mark === DATE) {
    const date = new Date(typeof value === 'number' ? value : Number.NaN);
    if (!Number.isNaN(date.getTime())) return date;
  } else if (mark === NUMBER) {
    const number = typeof value === 'string' ? NUMBERS.get(value) : undefined;
    if (number !== undefined) return number;
  } else if (isPlain(value)) return unmarkedObject(value, level + 1);
  throw corrupt(`its ${mark} has a value that there is not`);
}

function unmarkedObject(object: object, level: number): object {
  return fromEntries(Object.entries(object).map(([key, item]) => [key, unmarked(item, level + 1)]));
}

/** The mark that is all the object has. */
function markOf(object: object): string | undefined {
  const [key, ...more] = Object.keys(object);
  return more.length === 0 && (key === DATE || key === NUMBER || key === LITERAL) ? key : undefined;
}

/** `fromEntries` defines properties, so that one called `__proto__` is one like any other. */
function fromEntries(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  return Object.fromEntries(entries);
}

/** Objects of another realm are plain, too, so that the prototype's prototype decides. */
function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function described(value: unknown): string {
  if (value === undefined || value === null) return `${value}`;
  if (typeof value !== 'object') return `a ${typeof value}`;
  return Array.isArray(value) ? 'a list' : 'an object that is not plain';
}

function refused(path: readonly string[], found: string, needed: string): SternaError {
  return new SternaError('invalid-input', `${pathTo('metadata', path)} is ${found}; needed: ${needed}.`);
}

function corrupt(words: string, cause?: unknown): SternaError {
  return new SternaError('corrupt-file', `The metadata of a document cannot be used: ${words}.`, { cause });
}
