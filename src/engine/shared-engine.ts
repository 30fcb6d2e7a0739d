import type { LoadRequest } from '../../workers/protocol.ts';
import { meetingPlace } from '../tabs/meeting.ts';
import { sharedName } from '../tabs/shared-name.ts';
import type { EmbedderOptions } from '../types.ts';
import type { EngineLink } from './link.ts';
import { SharedLink } from './shared-link.ts';

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
  const name = sharedName('engine', request);
  const place = meetingPlace();
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
