import type { EncoderConfig } from '../../encoder/config.ts';
import { SternaError } from '../../errors.ts';
import type { Precision } from '../../types.ts';
import type { GoldenText } from './manifest.ts';

/** The least cosine to a known vector, by the number type of the weights. */
const LEAST: Readonly<Record<Precision, number>> = { f32: 0.9999, f16: 0.999, q8: 0.99, q4: 0.9 };

/** Token ids in, the pooled vector out. */
type Encode = (ids: Uint32Array) => Promise<Float32Array>;

/** Embeds the texts whose vectors are known. @returns what is wrong: `wrong-vectors`; nothing where all is well. */
export type ModelCheck = (encode: Encode, precision: Precision) => Promise<SternaError | undefined>;

/**
 * How to check a loaded model by vectors that are known of it: a broken download, export or driver is found before an index is made
 * with it.
 *
 * @param stored - the number type that its weights were stored in, and which they were rounded to.
 */
export function goldenCheck(
  name: string,
  golden: readonly GoldenText[],
  { vocabularySize }: EncoderConfig,
  stored: Precision,
): ModelCheck {
  return async (encode, precision) => {
    const least = Math.min(LEAST[precision], LEAST[stored]);
    for (const { ids, vector } of golden) {
      if (ids.some((id) => id >= vocabularySize)) continue;
      const found = cosine(await encode(Uint32Array.from(ids)), vector);
      if (found >= least) continue;
      return new SternaError(
        'wrong-vectors',
        `${name} gives the token ids ${ids.slice(0, 12).join(' ')} a vector whose cosine to the known one is ${found.toFixed(5)}; needed in ${precision}: at least ${least}. The files, the device or this version of Sterna are wrong.`,
      );
    }
    return undefined;
  };
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
