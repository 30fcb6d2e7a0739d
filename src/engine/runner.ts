import type { Backend } from '../encoder/backend.ts';
import { encode } from '../encoder/encoder.ts';
import { type EncoderWeights, loadWeights } from '../encoder/weights.ts';
import { SternaError } from '../errors.ts';
import type { ModelFolder } from '../loader/model-folder.ts';
import { pack } from '../text/pack.ts';
import type { LoadProgress } from '../types.ts';
import { devicesInOrder, IS_THE_DEVICES, type Machine, type NamedDevice, openBackend } from './devices.ts';
import type { EngineSettings } from './link.ts';
import { selfCheck } from './self-check.ts';

/** How to load a runner. */
export interface RunnerOptions extends EngineSettings, Machine {
  /** Opens a device in another way, for tests. */
  readonly open?: typeof openBackend;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LoadProgress) => void;
}

/** A backend with the weights on it. */
interface Loaded {
  readonly backend: Backend;
  readonly weights: EncoderWeights;
  /** Largest 1 − cosine to the reference in the check. */
  readonly deviation: number;
  readonly notes: readonly string[];
}

/**
 * A model on a device: token ids in, pooled vectors out. A device that goes away is opened again, once, and the batch is run
 * anew: whoever waits for it notices nothing but the time.
 */
export class Runner {
  private disposed = false;

  private constructor(
    private readonly model: ModelFolder,
    private readonly device: NamedDevice,
    private readonly options: RunnerOptions,
    private loaded: Loaded,
    private readonly passedOver: readonly string[],
  ) {}

  /**
   * Loads a model on the first device that computes what it should.
   *
   * @throws SternaError as the device says, where there is no other to try.
   */
  static async load(model: ModelFolder, options: RunnerOptions): Promise<Runner> {
    const devices = devicesInOrder(options.device, options.precision);
    const passedOver: string[] = [];
    for (const device of devices) {
      try {
        return new Runner(model, device, options, await load(model, device, options), passedOver);
      } catch (error) {
        const isLast = device === devices.at(-1);
        if (isLast || !(error instanceof SternaError) || !IS_THE_DEVICES.has(error.code)) throw error;
        passedOver.push(`Not on ${device}: ${error.message}`);
      }
    }
    throw new Error('unreachable');
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
    return [...this.passedOver, ...this.loaded.notes];
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
      this.loaded = await load(this.model, this.device, options);
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

async function load(model: ModelFolder, device: NamedDevice, options: RunnerOptions): Promise<Loaded> {
  const { open = openBackend, signal, onProgress } = options;
  const { config, checkpoint } = model;
  const tell = (phase: LoadProgress['phase'], item: string) => (loaded: number, total: number) =>
    onProgress?.({ phase, item, loaded, total });
  const { backend, notes } = await open(device, options);
  try {
    const words = backend.adapter || backend.name;
    await backend.prepare(config, tell('compile', words));
    const weights = await loadWeights(config, checkpoint, backend, {
      signal,
      onProgress: tell('upload', model.name),
    });
    tell('check', words)(0, 1);
    const deviation = device === 'reference' ? 0 : await selfCheck(backend, config, weights, checkpoint);
    tell('check', words)(1, 1);
    signal?.throwIfAborted();
    return { backend, weights, deviation, notes };
  } catch (error) {
    backend.dispose();
    throw error;
  }
}
