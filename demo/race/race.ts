import { agreement } from './agreement.ts';
import { type Engine, openEngine } from './engines.ts';
import { type Lane, SHORT_TOKENS } from './lanes.ts';
import type { Shape } from './shapes.ts';
import type { Measured } from './timing.ts';

/** A lane in a heat. */
export interface Entrant {
  readonly lane: Lane;
  /** Milliseconds of each round so far. */
  readonly times: number[];
  /** Why it is out. */
  failure?: string;
}

/** The race over one shape. */
export interface Heat {
  readonly shape: Shape;
  readonly entrants: readonly Entrant[];
  /** Whose turn it is. */
  turn?: Entrant;
}

/** Who is told of a race. */
export interface Spectator {
  /** @param share - 0 … 1 of all work. */
  onStatus(words: string, share: number): void;
  /** Of onnxruntime-web. */
  onVersion(version: string): void;
  onHeat(heat: Heat): void;
  /** Something of a heat is new. */
  onTurn(heat: Heat): void;
}

export interface RaceOptions {
  readonly lanes: readonly Lane[];
  readonly shapes: readonly Shape[];
  /** Not counting the one that warms up. */
  readonly rounds: number;
  readonly signal: AbortSignal;
  readonly spectator: Spectator;
}

/**
 * Loads all engines, and lets them embed each shape in turn, round by round: whatever slows the machine down slows all of them
 * down. An engine that fails is out of the heat, and the others go on.
 *
 * @throws the signal's reason when it is aborted.
 */
export async function race(options: RaceOptions): Promise<void> {
  const { lanes, shapes, rounds, signal, spectator } = options;
  const heats = shapes.map((shape) => heatOf(shape, lanes));
  const turns = heats.reduce((sum, { entrants }) => sum + entrants.length * (rounds + 1), 0);
  let done = 0;
  const tell = (words: string) => spectator.onStatus(words, done / (lanes.length + turns));

  const engines = new Map<Lane, Engine | string>();
  try {
    for (const lane of lanes) {
      tell(`Loading ${lane.name}…`);
      const engine = await attempt(() => openEngine(lane, signal), signal);
      engines.set(lane, engine);
      if (typeof engine !== 'string' && engine.version) spectator.onVersion(engine.version);
      done++;
    }
    for (const heat of heats) {
      for (const entrant of heat.entrants) {
        const engine = engines.get(entrant.lane);
        if (typeof engine === 'string') entrant.failure = engine;
      }
      spectator.onHeat(heat);
      for (let round = 0; round <= rounds; round++) {
        tell(`${heat.shape.title}: ${round === 0 ? 'warm-up' : `round ${round} of ${rounds}`}…`);
        const turn = (entrant: Entrant) => {
          heat.turn = entrant;
          spectator.onTurn(heat);
          const engine = engines.get(entrant.lane) as Engine;
          return attempt(() => engine.measure(heat.shape.texts), signal);
        };
        if (round === 0) await warmUp(heat, turn);
        else await runRound(heat, turn);
        done += heat.entrants.length;
        heat.turn = undefined;
        spectator.onTurn(heat);
      }
    }
  } finally {
    for (const engine of engines.values()) if (typeof engine !== 'string') engine.dispose();
  }
}

function heatOf(shape: Shape, lanes: readonly Lane[]): Heat {
  const racing = lanes.filter(({ shortOnly }) => !shortOnly || shape.tokens <= SHORT_TOKENS);
  return { shape, entrants: racing.map((lane) => ({ lane, times: [] })) };
}

type Turn = (entrant: Entrant) => Promise<Measured | string>;

/** A race between engines that compute different things would be no race: who disagrees with the first is out. */
async function warmUp({ entrants }: Heat, turn: Turn): Promise<void> {
  let first: Measured | undefined;
  for (const entrant of entrants) {
    if (entrant.failure !== undefined) continue;
    const measured = await turn(entrant);
    if (typeof measured === 'string') entrant.failure = measured;
    else {
      first ??= measured;
      entrant.failure = agreement(entrant.lane, measured.vectors, first.vectors);
    }
  }
}

async function runRound({ entrants }: Heat, turn: Turn): Promise<void> {
  for (const entrant of entrants) {
    if (entrant.failure !== undefined) continue;
    const measured = await turn(entrant);
    if (typeof measured === 'string') entrant.failure = measured;
    else entrant.times.push(measured.milliseconds);
  }
}

/** @returns what comes of it, or the words of its error. @throws the signal's reason, as that ends everything. */
async function attempt<T extends object>(run: () => Promise<T>, signal: AbortSignal): Promise<T | string> {
  try {
    return await run();
  } catch (error) {
    signal.throwIfAborted();
    return (error as Error).message || String(error);
  }
}
