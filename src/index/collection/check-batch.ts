import { SternaError } from '../../errors.ts';
import type { Batch, IndexedDocument } from './changes.ts';

/** By how much the square of a vector's length may differ from 1: codes of vectors that were read again are a little longer or shorter. */
const LENGTH_TOLERANCE = 0.01;

/**
 * Refuses what could not be read again from the journal or from a segment: it would be acknowledged and then lost.
 *
 * @param dimensions - of the collection's vectors; absent while it has no space.
 * @throws SternaError `invalid-input`, `invalid-vector`.
 */
export function checkBatch({ operation, put }: Batch, dimensions: number | undefined): void {
  if (put.length > 0 && dimensions === undefined)
    throw invalid(`Batch "${operation}" has documents and no space; needed: the space of their vectors`);
  for (const document of put) checkDocument(document, dimensions!);
}

function checkDocument({ id, text, hash, passages }: IndexedDocument, dimensions: number): void {
  if (typeof id !== 'string' || id === '' || /\p{Surrogate}/u.test(id))
    throw invalid(`An id is ${JSON.stringify(id)}; needed: a string of at least one whole character`);
  if (!/^[0-9a-f]{16}$/.test(hash))
    throw invalid(`The hash of "${id}" is "${hash}"; needed: 16 hexadecimal digits`);
  for (const [i, { start, end, vector }] of passages.entries()) {
    if (
      !(Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end && end <= text.length)
    )
      throw invalid(`Passage ${i} of "${id}" goes from ${start} to ${end}; needed: a range of its text`);
    if (vector.length !== dimensions || !vector.every(Number.isFinite)) {
      throw new SternaError(
        'invalid-vector',
        `The vector of passage ${i} of "${id}" has ${vector.length} numbers; needed: ${dimensions}, all of them finite.`,
      );
    }
    const squares = vector.reduce((sum, x) => sum + x * x, 0);
    if (Math.abs(squares - 1) > LENGTH_TOLERANCE) {
      throw new SternaError(
        'invalid-vector',
        `The vector of passage ${i} of "${id}" has the length ${Math.sqrt(squares)}; needed: 1.`,
      );
    }
  }
}

function invalid(words: string): SternaError {
  return new SternaError('invalid-input', `${words}.`);
}
