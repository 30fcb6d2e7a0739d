import { ReferenceBackend } from '../backends/reference/backend.ts';
import type { Backend } from '../encoder/backend.ts';
import type { EncoderConfig } from '../encoder/config.ts';
import type { EmbeddingTables } from '../encoder/embeddings.ts';
import { encode } from '../encoder/encoder.ts';
import { type FirstLayer, loadFirstLayer } from '../encoder/weights.ts';
import { SternaError } from '../errors.ts';
import type { Checkpoint } from '../loader/checkpoint.ts';
import { pack } from '../text/pack.ts';

/** Texts of ragged lengths, one of a single token: 21 rows, which fill no tile. */
const LENGTHS = [12, 1, 8];

/** A feature that is far out, as trained encoders have them: kernels that are right on average fail there. */
const OUTLIER = { feature: 5, times: 30 };

/** Largest 1 − cosine to the reference that passes. Rounding gives about 1e-12, and GELU by way of tanh, the nearest miss, 4e-8. */
const BOUND = 1e-9;
/** The same where features are rounded to 8 bits as well. */
const BOUND_OF_ROUNDED_FEATURES = 5e-3;

function boundOf({ name, precision }: Backend): number {
  return name === 'wasm' && precision !== 'f32' ? BOUND_OF_ROUNDED_FEATURES : BOUND;
}

/** How often these texts are in a batch together, to have rows for every kind of tile: 42 and 147 of them. */
const COMPANIES = [2, 7];

/** A text that is long enough for every kind of attention, and fills none. */
const LONG_TEXT = 70;

/**
 * Runs the model's first layer on inputs made up for it, and compares with the reference, whose weights are rounded to the same
 * numbers: each kernel in use, in the shape in which it will be used.
 *
 * - Twice over, as some drivers are right only the first time.
 * - In larger batches, which other tiles work on, and which must give the same bits. The reference would take too long for them.
 * - Attention alone on a longer text.
 *
 * Some drivers compile a kernel to wrong code without a word: that is what this is for.
 *
 * @returns the largest 1 − cosine that was found.
 * @throws SternaError `wrong-results`: what was found, and what was needed.
 */
export async function selfCheck(
  backend: Backend,
  config: EncoderConfig,
  first: FirstLayer,
  checkpoint: Checkpoint,
): Promise<number> {
  const reference = new ReferenceBackend(backend.precision);
  await reference.prepare(config);
  const known = await loadFirstLayer(config, checkpoint, reference);
  const expected = await firstLayerTwice(reference, config, known);
  let worst = 0;
  let found = expected;
  for (let turn = 1; turn <= 2; turn++) {
    found = await firstLayerTwice(backend, config, first);
    worst = Math.max(
      worst,
      compare(backend, config.hiddenSize, found, expected, `in run ${turn} of the check`),
    );
  }
  for (const times of COMPANIES) {
    const all = await firstLayerTwice(backend, config, first, times);
    const differs = all.findIndex((value, i) => value !== found[i % found.length]);
    if (differs >= 0) {
      const [value, alone] = [all[differs], found[differs % found.length]];
      throw wrong(
        backend,
        `a text has the number ${value} in a batch of ${times * LENGTHS.length} and ${alone} in one of 3; needed: the same bits`,
      );
    }
  }
  const attended = await attendLong(backend, config);
  const expectedToAttend = await attendLong(reference, config);
  return Math.max(worst, compare(backend, config.hiddenSize, attended, expectedToAttend, 'in attention'));
}

/** @returns the largest 1 − cosine of rows. */
function compare(
  backend: Backend,
  width: number,
  found: Float32Array,
  expected: Float32Array,
  where: string,
): number {
  let worst = 0;
  for (let at = 0; at < expected.length; at += width) {
    const distance = 1 - cosine(found.subarray(at, at + width), expected.subarray(at, at + width));
    // A comparison that NaN fails, too.
    if (!(distance <= boundOf(backend))) {
      const needed = `needed for ${backend.precision}: at most ${boundOf(backend)}`;
      throw wrong(backend, `1 − cosine is ${distance.toPrecision(3)} ${where}; ${needed}`);
    }
    worst = Math.max(worst, distance);
  }
  return worst;
}

/** The first layer as the first of two and as the last of two, which asks for the first rows alone. */
function firstLayerTwice(
  backend: Backend,
  config: EncoderConfig,
  { embeddingNorm, layers: [layer] }: FirstLayer,
  times = 1,
): Promise<Float32Array> {
  const lengths = Array.from({ length: times }, () => LENGTHS).flat();
  const batch = pack(lengths.map((length) => Uint32Array.from({ length }, (_, i) => i)));
  const embeddings = madeUpTables(config, Math.max(...LENGTHS));
  return encode(backend, config, { embeddings, embeddingNorm, layers: [layer, layer] }, batch);
}

/** Attention within a longer text, whose queries and keys are numbers in −1 … 1. */
async function attendLong(backend: Backend, { hiddenSize }: EncoderConfig): Promise<Float32Array> {
  backend.begin(pack([new Uint32Array(LONG_TEXT)]));
  try {
    const qkv = backend.activation(LONG_TEXT, 3 * hiddenSize, 'qkv');
    const context = backend.activation(LONG_TEXT, hiddenSize, 'all.context');
    backend.write(
      qkv,
      Float32Array.from({ length: LONG_TEXT * 3 * hiddenSize }, (_, i) => Math.sin(1.7 * i)),
    );
    backend.attention(qkv, context, 'all');
    return await backend.read(context);
  } finally {
    backend.end();
  }
}

/** Tables that give each of some tokens a row of numbers in −1 … 1, and one that is far out. */
export function madeUpTables({ hiddenSize }: EncoderConfig, tokens: number): EmbeddingTables {
  return {
    words: {
      rows: tokens,
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

function wrong({ name, adapter }: Backend, found: string): SternaError {
  return new SternaError(
    'wrong-results',
    `${adapter || name} does not compute what the reference does: ${found}. Update the driver or the browser, or choose another device.`,
  );
}
