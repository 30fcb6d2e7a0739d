import { ReferenceBackend } from '../backends/reference/backend.ts';
import type { Backend } from '../encoder/backend.ts';
import type { EncoderConfig } from '../encoder/config.ts';
import type { EmbeddingTables } from '../encoder/embeddings.ts';
import { encode } from '../encoder/encoder.ts';
import { type EncoderWeights, loadFirstLayer } from '../encoder/weights.ts';
import { SternaError } from '../errors.ts';
import type { Checkpoint } from '../loader/checkpoint.ts';
import { pack } from '../text/pack.ts';
import type { Precision } from '../types.ts';

/** Texts of ragged lengths, one of a single token: 21 rows, which fill no tile. */
const LENGTHS = [12, 1, 8];

/** A feature that is far out, as trained encoders have them: kernels that are right on average fail there. */
const OUTLIER = { feature: 5, times: 30 };

/** Largest 1 − cosine to the reference that passes. In f32, rounding gives about 1e-12 and GELU by way of tanh, the nearest miss, 4e-8. */
const BOUNDS: Readonly<Record<Precision, number>> = { f32: 1e-9, q8: 5e-3 };

/**
 * Runs the model's first layer, twice over, on inputs made up for it, and compares with the reference: each kernel in use, in the
 * shape in which it will be used. Some drivers compile a kernel to wrong code without a word, and some are right only the
 * first time, so all of it is done twice.
 *
 * @returns the largest 1 − cosine that was found.
 * @throws SternaError `wrong-results`: what was found, and what was needed.
 */
export async function selfCheck(
  backend: Backend,
  config: EncoderConfig,
  weights: EncoderWeights,
  checkpoint: Checkpoint,
): Promise<number> {
  const reference = new ReferenceBackend();
  await reference.prepare(config);
  const known = await loadFirstLayer(config, checkpoint, reference);
  const expected = await firstLayerTwice(reference, config, known);
  let worst = 0;
  for (let turn = 1; turn <= 2; turn++) {
    const found = await firstLayerTwice(backend, config, weights);
    for (let text = 0; text < LENGTHS.length; text++) {
      const at = (vectors: Float32Array) =>
        vectors.subarray(text * config.hiddenSize, (text + 1) * config.hiddenSize);
      const distance = 1 - cosine(at(found), at(expected));
      // A comparison that NaN fails, too.
      if (!(distance <= BOUNDS[backend.precision])) throw wrong(backend, distance, turn);
      worst = Math.max(worst, distance);
    }
  }
  return worst;
}

/** The first layer as the first of two and as the last of two, which asks for the first rows alone. */
function firstLayerTwice(
  backend: Backend,
  config: EncoderConfig,
  { embeddingNorm, layers: [layer] }: Omit<EncoderWeights, 'embeddings'>,
): Promise<Float32Array> {
  const batch = pack(LENGTHS.map((length) => Uint32Array.from({ length }, (_, i) => i)));
  const weights = { embeddings: inputs(config), embeddingNorm, layers: [layer, layer] };
  return encode(backend, config, weights, batch);
}

/** Tables that give each token a row of numbers in −1 … 1, and one that is far out. */
function inputs({ hiddenSize }: EncoderConfig): EmbeddingTables {
  return {
    words: {
      rows: Math.max(...LENGTHS),
      columns: hiddenSize,
      addRow: (row, target, at) => {
        for (let i = 0; i < hiddenSize; i++) target[at + i] += Math.sin((row + 1) * (i + 1) * 1.7);
        target[at + OUTLIER.feature] += OUTLIER.times;
      },
    },
  };
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return ab / Math.sqrt(aa * bb);
}

function wrong({ name, adapter, precision }: Backend, distance: number, turn: number): SternaError {
  return new SternaError(
    'wrong-results',
    `${adapter || name} does not compute what the reference does: 1 − cosine is ${distance.toPrecision(3)} in run ${turn} of the check at ` +
      `load; needed for ${precision}: at most ${BOUNDS[precision]}. Update the driver or the browser, or choose another device.`,
  );
}
