import type { LoadProgress } from '../types.ts';
import type { Machine, openBackend } from './devices.ts';
import type { EngineSettings } from './link.ts';

/** How to bring a model to a device. */
export interface LoadOptions extends EngineSettings, Machine {
  /** Opens a device in another way, for tests. */
  readonly open?: typeof openBackend;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LoadProgress) => void;
}

/** Reports progress of a phase on something. */
export function teller({ onProgress }: Pick<LoadOptions, 'onProgress'>) {
  return (phase: LoadProgress['phase'], item: string) => (loaded: number, total: number) =>
    onProgress?.({ phase, item, loaded, total });
}
