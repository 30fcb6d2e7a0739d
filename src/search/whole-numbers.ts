import { SternaError } from '../errors.ts';

/** @param values - by the names that a message calls them. @throws SternaError `invalid-input` for one that is no whole number of at least 1. */
export function checkWholeNumbers(values: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(values)) {
    if (Number.isInteger(value) && value >= 1) continue;
    throw new SternaError('invalid-input', `${name} is ${value}; needed: a whole number of at least 1.`);
  }
}
