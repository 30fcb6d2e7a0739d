import type { EncoderConfig } from '../encoder/config.ts';
import { type OpenedBackend, openBackend } from './devices.ts';
import { type Lane, lanesFor, nameOfLane } from './lanes.ts';
import { type LoadOptions, teller } from './load-options.ts';

/**
 * Opens the devices that a model will be tried on first, and makes their kernels, while the model is still being downloaded:
 * that takes a second, and needs no more of the model than its shape.
 */
export class HeadStart {
  private readonly opened = new Map<string, Promise<OpenedBackend>>();

  constructor(private readonly options: LoadOptions) {}

  /** Begins. What fails here is heard of when it is asked for. */
  begin(config: EncoderConfig): void {
    for (const [lane] of lanesFor(this.options.device, this.options.precision)) {
      const opening = openReady(lane, config, this.options);
      opening.catch(() => {});
      this.opened.set(nameOfLane(lane), opening);
    }
  }

  /** A backend of this lane with its kernels made: the one that was begun, once; after that a new one. */
  take(lane: Lane, config: EncoderConfig, options: LoadOptions): Promise<OpenedBackend> {
    const name = nameOfLane(lane);
    const begun = this.opened.get(name);
    this.opened.delete(name);
    return begun ?? openReady(lane, config, options);
  }

  /** Gives back what nobody has taken. */
  dispose(): void {
    for (const opening of this.opened.values())
      opening.then(({ backend }) => backend.dispose()).catch(() => {});
    this.opened.clear();
  }
}

/** @throws SternaError as the device says; nothing is left open then. */
async function openReady(lane: Lane, config: EncoderConfig, options: LoadOptions): Promise<OpenedBackend> {
  const { open = openBackend } = options;
  const opened = await open(lane, options);
  try {
    const { backend } = opened;
    await backend.prepare(config, teller(options)('compile', backend.adapter || backend.name));
    return opened;
  } catch (error) {
    opened.backend.dispose();
    throw error;
  }
}
