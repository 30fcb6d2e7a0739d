import type { Backend } from '../encoder/backend.ts';
import { encode } from '../encoder/encoder.ts';
import { type EncoderWeights, loadWeights } from '../encoder/weights.ts';
import { SternaError } from '../errors.ts';
import type { ModelFolder } from '../loader/model-folder.ts';
import { pack } from '../text/pack.ts';
import { IS_THE_DEVICES } from './devices.ts';
import { HeadStart } from './head-start.ts';
import { type Lane, lanesFor, nameOfLane } from './lanes.ts';
import { type LoadOptions, teller } from './load-options.ts';
import { type Entrant, enter, fastest } from './trial.ts';

/** An entrant with all weights on it. */
interface Loaded extends Entrant {
  readonly weights: EncoderWeights;
}

/**
 * A model on a device: token ids in, pooled vectors out. A device that goes away is opened again, once, and the batch is run
 * anew: whoever waits for it notices nothing but the time.
 */
export class Runner {
  private disposed = false;

  private constructor(
    private readonly model: ModelFolder,
    private readonly options: LoadOptions,
    private loaded: Loaded,
    /** Why this device. */
    private readonly reasons: readonly string[],
  ) {}

  /**
   * Loads a model on the fastest device that computes what it should, of those that were asked for.
   *
   * @param headStart - devices that may be open already.
   * @throws SternaError as the device says, where it was asked for by name.
   */
  static async load(model: ModelFolder, headStart: HeadStart, options: LoadOptions): Promise<Runner> {
    const { entrants, passedOver } = await enterAll(model, headStart, options);
    try {
      const { winner, notes } = await fastest(entrants, model.config);
      for (const entrant of entrants) if (entrant !== winner) entrant.backend.dispose();
      return new Runner(model, options, await fill(model, winner, options), [...passedOver, ...notes]);
    } catch (error) {
      for (const { backend } of entrants) backend.dispose();
      throw error;
    }
  }

  get backend(): Backend {
    return this.loaded.backend;
  }

  /** Largest 1 − cosine to the reference in the check at load. */
  get deviation(): number {
    return this.loaded.deviation;
  }

  /** Why this device, and what is worth knowing about it. */
  get notes(): readonly string[] {
    return [...this.reasons, ...this.loaded.notes];
  }

  /**
   * @returns `[texts, hidden]`, all numbers finite.
   * @throws SternaError `not-finite`; `device-lost` where the device went away twice in a row.
   */
  async encode(sequences: readonly Uint32Array[]): Promise<Float32Array> {
    try {
      return await this.encodeOnce(sequences);
    } catch (error) {
      if (!(error instanceof SternaError) || error.code !== 'device-lost') throw error;
      this.loaded.backend.dispose();
      const { signal: _, onProgress: __, ...options } = this.options;
      const entrant = await enter(this.model, this.loaded.lane, new HeadStart(options), options);
      this.loaded = await fill(this.model, entrant, options);
      if (this.disposed) this.dispose();
      return this.encodeOnce(sequences);
    }
  }

  dispose(): void {
    this.disposed = true;
    this.loaded.backend.dispose();
  }

  private async encodeOnce(sequences: readonly Uint32Array[]): Promise<Float32Array> {
    const { backend, weights } = this.loaded;
    const { config, name } = this.model;
    const pooled = await encode(backend, config, weights, pack(sequences));
    const wrong = pooled.findIndex((value) => !Number.isFinite(value));
    if (wrong < 0) return pooled;
    throw new SternaError(
      'not-finite',
      `${name} on ${backend.adapter || backend.name} gave ${pooled[wrong]} in feature ${wrong % config.hiddenSize} of a vector. ` +
        'The device computes wrong numbers or the weights are broken; try device "reference" to tell which.',
    );
  }
}

/** Of each device that was asked for, the first lane that computes what it should; the reference where there is none. */
async function enterAll(
  model: ModelFolder,
  headStart: HeadStart,
  options: LoadOptions,
): Promise<{ entrants: Entrant[]; passedOver: string[] }> {
  const { device, precision } = options;
  const entrants: Entrant[] = [];
  const passedOver: string[] = [];
  const attempt = async (lanes: readonly Lane[]) => {
    for (const lane of lanes) {
      try {
        entrants.push(await enter(model, lane, headStart, options));
        return;
      } catch (error) {
        const isLast = device !== 'auto' && lane === lanes.at(-1);
        if (isLast || !(error instanceof SternaError) || !IS_THE_DEVICES.has(error.code)) throw error;
        passedOver.push(`Not on ${nameOfLane(lane)}: ${error.message}`);
        // Without the device there is no other way to run it.
        if (error.code === 'no-webgpu' || error.code === 'no-wasm') return;
      }
    }
  };
  try {
    for (const lanes of lanesFor(device, precision)) await attempt(lanes);
    const last: Lane = { device: 'reference', precision: precision === 'auto' ? 'f32' : precision };
    if (entrants.length === 0) await attempt([last]);
  } catch (error) {
    for (const { backend } of entrants) backend.dispose();
    throw error;
  }
  return { entrants, passedOver };
}

/** Brings the other weights to an entrant. */
async function fill(model: ModelFolder, entrant: Entrant, options: LoadOptions): Promise<Loaded> {
  const { signal } = options;
  const { config, checkpoint, name } = model;
  const { backend, first } = entrant;
  try {
    const onProgress = teller(options)('upload', name);
    const weights = await loadWeights(config, checkpoint, backend, { first, signal, onProgress });
    signal?.throwIfAborted();
    return { ...entrant, weights };
  } catch (error) {
    backend.dispose();
    throw error;
  }
}
