import type { LoadRequest } from '../../workers/protocol.ts';
import type { EmbedderOptions } from '../types.ts';
import type { Locks } from './leadership.ts';
import type { EngineLink } from './link.ts';
import { type Meeting, SharedLink } from './shared-link.ts';
import { sharedName } from './shared-name.ts';

/** Loads an engine for this tab. */
export type LoadEngine = (
  request: LoadRequest,
  options: Pick<EmbedderOptions, 'signal' | 'onProgress'>,
) => Promise<EngineLink>;

/**
 * The engine that all tabs of this origin with the same request have together; where the browser has no locks or no channels
 * between tabs, an engine of this tab's own.
 *
 * @throws SternaError `invalid-input` where another tab could not load the same model; otherwise as `load`.
 */
export async function sharedEngine(
  request: LoadRequest,
  load: LoadEngine,
  options: Pick<EmbedderOptions, 'signal' | 'onProgress'>,
): Promise<EngineLink> {
  const name = sharedName(request);
  const place = meeting();
  if (!place) return load(request, options);
  return SharedLink.join(
    {
      ...place,
      name,
      start: (signal, onProgress, like) => {
        const again = like && { device: like.device, precision: like.precision };
        return load({ ...request, ...again }, { signal, onProgress });
      },
    },
    options.signal,
    options.onProgress,
  );
}

/** How this page meets other tabs, or nothing where its browser gives it no means. */
function meeting(): Meeting | undefined {
  const locks: Locks | undefined = globalThis.navigator?.locks;
  if (!locks || typeof BroadcastChannel !== 'function') return undefined;
  return { locks, openChannel: (name) => new BroadcastChannel(name), page: globalThis.window };
}
