import type { Backend } from '../encoder/backend.ts';
import type { EncoderConfig } from '../encoder/config.ts';
import { encode } from '../encoder/encoder.ts';
import { type FirstLayer, loadFirstLayer } from '../encoder/weights.ts';
import type { ModelFolder } from '../loader/model-folder.ts';
import { pack } from '../text/pack.ts';
import type { HeadStart } from './head-start.ts';
import { type Lane, nameOfLane } from './lanes.ts';
import { type LoadOptions, teller } from './load-options.ts';
import { madeUpTables, selfCheck } from './self-check.ts';

/** A backend that has the first layer and computes what it should. */
export interface Entrant {
  readonly lane: Lane;
  readonly backend: Backend;
  readonly first: FirstLayer;
  /** Largest 1 − cosine to the reference in the check. */
  readonly deviation: number;
  readonly notes: readonly string[];
}

/**
 * Opens a lane, brings the first layer to it, and checks what comes of that.
 *
 * @throws SternaError as the device and the check say; the backend is disposed of then.
 */
export async function enter(
  { config, checkpoint }: ModelFolder,
  lane: Lane,
  headStart: HeadStart,
  options: LoadOptions,
): Promise<Entrant> {
  const { signal } = options;
  const tell = teller(options);
  const { backend, notes } = await headStart.take(lane, config, options);
  try {
    signal?.throwIfAborted();
    const words = backend.adapter || backend.name;
    const first = await loadFirstLayer(config, checkpoint, backend);
    tell('check', words)(0, 1);
    const isReference = lane.device === 'reference';
    const deviation = isReference ? 0 : await selfCheck(backend, config, first, checkpoint);
    tell('check', words)(1, 1);
    signal?.throwIfAborted();
    return { lane, backend, first, deviation, notes: [...notes, ...(backend.notes ?? [])] };
  } catch (error) {
    backend.dispose();
    throw error;
  }
}

/** Batches to be timed: a query that somebody waits for, and texts of an index. In texts × tokens. */
const SHORT = [1, 16] as const;
const LONG = [8, 64] as const;
/** Runs of each, after one that warms up. */
const RUNS = 3;

/** Milliseconds of a layer, for a short and a long batch. */
export interface LayerTimes {
  readonly short: number;
  readonly long: number;
}

/** Measures how long an entrant takes for a layer. */
export async function timesOf({ backend, first }: Entrant, config: EncoderConfig): Promise<LayerTimes> {
  const weights = { ...first, layers: [...first.layers, ...first.layers] };
  const time = async ([texts, tokens]: readonly [number, number]) => {
    const ids = Array.from({ length: texts }, () => Uint32Array.from({ length: tokens }, (_, i) => i));
    let best = Number.POSITIVE_INFINITY;
    for (let run = 0; run <= RUNS; run++) {
      const start = performance.now();
      await encode(backend, config, { ...weights, embeddings: madeUpTables(config, tokens) }, pack(ids));
      if (run > 0) best = Math.min(best, performance.now() - start);
    }
    return best / 2;
  };
  return { short: await time(SHORT), long: await time(LONG) };
}

/**
 * The faster of some entrants, and how that was found. One device does all: a text has the same bytes alone and in a batch, which two
 * devices would not give it. So what counts is the product of both times, a query's and a batch's.
 */
export async function fastest(
  entrants: readonly Entrant[],
  config: EncoderConfig,
): Promise<{ winner: Entrant; notes: string[] }> {
  if (entrants.length === 1) return { winner: entrants[0], notes: [] };
  const timed = [];
  for (const entrant of entrants) timed.push({ entrant, times: await timesOf(entrant, config) });
  const score = ({ times: { short, long } }: { times: LayerTimes }) => short * long;
  timed.sort((a, b) => score(a) - score(b));
  const words = timed.map(({ entrant, times: { short, long } }) => {
    const [query, batch] = [short, long].map((one) => (one * config.layers).toPrecision(2));
    return `${nameOfLane(entrant.lane)} ${query} ms and ${batch} ms`;
  });
  const shapes = [SHORT, LONG].map(([texts, tokens]) => `${texts}×${tokens}`);
  return {
    winner: timed[0].entrant,
    notes: [`Measured for ${shapes.join(' and ')} tokens, from one layer: ${words.join('; ')}.`],
  };
}
