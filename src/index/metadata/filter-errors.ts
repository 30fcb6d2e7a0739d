import { SternaError } from '../../errors.ts';
import { pathTo } from './path.ts';

/** Keys that lead to a part of a filter. */
export type Path = readonly string[];

/** The error for a part of a filter that is not what it should be. */
export function invalidFilter(path: Path, found: unknown, needed: string): SternaError {
  return new SternaError(
    'invalid-input',
    `${pathTo('filter', path)} is ${described(found)}; needed: ${needed}.`,
  );
}

/** Whether it is a plain object. One with a prototype of its own is none: `{ __proto__: 7 }` would lose its condition unnoticed. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  // A plain object of another realm has another Object.prototype, of which a constructor is known.
  return (
    prototype === null ||
    (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'constructor'))
  );
}

function described(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid Date' : 'a Date';
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === 'object' && value !== null)
    return isRecord(value) ? 'an object' : 'an object that is not plain';
  return typeof value === 'function' ? 'a function' : String(value);
}
