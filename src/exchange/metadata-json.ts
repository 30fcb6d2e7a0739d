import type { ExchangeMetadata } from './exchange.ts';
import { invalid } from './refusals.ts';

/** A date, as others write it in JSON, too. */
const DATE = '$date';
/** Around an object that would be taken for one of these two. */
const LITERAL = '$literal';

/**
 * Metadata as JSON that {@link parseMetadata} reads back whole: dates are `{ "$date": "2026-01-31T12:00:00.000Z" }`. What JSON has no words
 * for is left out, or null in a list.
 *
 * @throws SternaError `invalid-input` for what cannot be written, such as a circle.
 */
export function metadataJson(id: string, metadata: ExchangeMetadata): string {
  try {
    return JSON.stringify(marked(metadata)) ?? 'null';
  } catch (cause) {
    throw invalid(`The metadata of document "${id}" cannot be written as JSON: ${(cause as Error).message}.`);
  }
}

/** @throws SyntaxError; RangeError where it is nested too deeply. */
export function parseMetadata(json: string): unknown {
  return unmarked(JSON.parse(json));
}

function marked(value: unknown): unknown {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : { [DATE]: value.toISOString() };
  if (Array.isArray(value)) return value.map(marked);
  if (typeof value !== 'object' || value === null) return value;
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function')
    return (value as { toJSON(): unknown }).toJSON();
  const object = mapped(value, marked);
  return isMark(object) ? { [LITERAL]: object } : object;
}

function unmarked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unmarked);
  if (typeof value !== 'object' || value === null) return value;
  if (isMark(value)) {
    const { [DATE]: date, [LITERAL]: literal } = value as Record<string, unknown>;
    if (typeof literal === 'object' && literal !== null && !Array.isArray(literal))
      return mapped(literal, unmarked);
    const time = typeof date === 'string' ? Date.parse(date) : Number.NaN;
    if (!Number.isNaN(time)) return new Date(time);
  }
  return mapped(value, unmarked);
}

/** Whether the object has one of the marks and nothing else. */
function isMark(object: object): boolean {
  const keys = Object.keys(object);
  return keys.length === 1 && (keys[0] === DATE || keys[0] === LITERAL);
}

/** `fromEntries` defines properties, so that one called `__proto__` is one like any other. */
function mapped(object: object, change: (value: unknown) => unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}
