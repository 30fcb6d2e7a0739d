import { SternaError } from '../errors.ts';

/** Tabs with other messages than these share nothing: an update of the library may meet tabs that are open since before. */
const VERSION = 2;

/**
 * The name of what tabs share: two requests of a kind have the same name if and only if they ask for the same. The order in
 * which properties were written plays no part, and functions and absent values have none.
 *
 * @param kind - of service: one word, such as "engine".
 * @param request - what it is started with.
 * @throws SternaError `invalid-input` where something in it has no name that another tab could know, as files and handles.
 */
export function sharedName(kind: string, request: object): string {
  return `sterna ${VERSION} ${kind} ${JSON.stringify(inOrder(request, ''))}`;
}

function inOrder(value: unknown, path: string): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((one, i) => inOrder(one, `${path}[${i}]`));
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw unshareable(value, path);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, one]) => [key, inOrder(one, path ? `${path}.${key}` : key)]));
}

function unshareable(value: object, path: string): SternaError {
  return new SternaError(
    'invalid-input',
    `${path} is an object (${value.constructor?.name ?? 'no class'}); needed with shared: true: text and numbers, such as addresses, ` +
      'by which another tab can find the same. Give those, or leave out shared.',
  );
}
