import type { LoadProgress, Precision } from '../types.ts';
import type { Machine, openBackend } from './devices.ts';
import type { EngineSettings } from './link.ts';

/** What decides how a model runs. */
export interface DeviceSettings extends Pick<EngineSettings, 'device' | 'batchTokens' | 'threads'> {
  readonly precision: Precision | 'auto';
}

/** How to bring a model to a device. */
export interface LoadOptions extends DeviceSettings, Machine {
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
