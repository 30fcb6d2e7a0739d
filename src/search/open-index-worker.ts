import { SternaError } from '../errors.ts';
import type { CollectionSettings } from '../index/collection/manifest.ts';
import { meetingPlace } from '../tabs/meeting.ts';
import { IndexLink } from './index-link.ts';
import type { SemanticIndexOptions } from './index-types.ts';
import type { IndexServiceLink } from './work.ts';

/**
 * Starts an index's worker. An index with a name is one for all tabs of the origin: the worker of one of them has its files, and answers the others;
 * when that tab goes, another one's opens them.
 *
 * @throws SternaError as the index says, `worker`; the signal's reason when it is aborted.
 */
export async function openIndexWorker(
  { name, threads, workerFactory, signal }: SemanticIndexOptions,
  settings: CollectionSettings,
): Promise<IndexServiceLink> {
  if (name !== undefined && (typeof name !== 'string' || name === ''))
    throw new SternaError(
      'invalid-input',
      `name is ${JSON.stringify(name)}; needed: a string that is not empty, or none.`,
    );
  const start = (stop?: AbortSignal) =>
    IndexLink.start((workerFactory ?? startWorker)(), { name, settings, threads }, stop);
  const place = name === undefined ? undefined : meetingPlace();
  if (!place) return start(signal);
  const { SharedService } = await import('../tabs/shared-service.ts');
  return SharedService.join(
    { ...place, name: `sterna index ${name}`, noun: 'index', start: (stop) => start(stop), isDeath },
    signal,
  );
}

function startWorker(): Worker {
  return new Worker(new URL('../../workers/index.worker.ts', import.meta.url), {
    type: 'module',
    name: 'sterna index',
  });
}

/** Whether an error says that the worker will answer no call any more. */
function isDeath(error: unknown): boolean {
  return error instanceof SternaError && error.code === 'worker';
}
