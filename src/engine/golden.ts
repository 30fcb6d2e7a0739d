import { SternaError } from '../errors.ts';
import type { ModelFolder } from '../loader/model-folder.ts';
import type { Precision } from '../types.ts';
import type { Runner } from './runner.ts';

/** The least cosine to a known vector, by the number type of the weights. */
const LEAST: Readonly<Record<Precision, number>> = { f32: 0.9999, f16: 0.999, q8: 0.99, q4: 0.9 };

/**
 * Embeds the texts whose vectors are known, and compares: a broken download, export or driver is found before an index is made
 * with it.
 *
 * @param otherwise - what to do where a vector is another one.
 * @returns what is worth knowing.
 * @throws SternaError `wrong-vectors`.
 */
export async function checkGolden(
  { name, golden = [], config, precision: stored }: ModelFolder,
  runner: Runner,
  otherwise: 'refuse' | 'warn',
): Promise<string[]> {
  const { precision } = runner.backend;
  // Weights that were rounded when they were stored stay so.
  const least = Math.min(LEAST[precision], LEAST[stored ?? 'f32']);
  for (const { ids, vector } of golden) {
    if (ids.some((id) => id >= config.vocabularySize)) continue;
    const pooled = await runner.encode([Uint32Array.from(ids)]);
    const found = cosine(pooled, vector);
    if (found >= least) continue;
    const words = `${name} gives the token ids ${ids.slice(0, 12).join(' ')} a vector whose cosine to the known one is ${found.toFixed(5)}; needed in ${precision}: at least ${least}. The files, the device or this version of Sterna are wrong.`;
    if (otherwise === 'refuse') throw new SternaError('wrong-vectors', words);
    return [words];
  }
  return [];
}

/** The cosine of the first features: as many as are known. */
function cosine(pooled: Float32Array, vector: readonly number[]): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (const [i, known] of vector.entries()) {
    ab += pooled[i] * known;
    aa += pooled[i] ** 2;
    bb += known ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}
