import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { IndexFolder } from '../index/files/folder.ts';
import { MemoryFolder } from '../index/files/memory-folder.ts';
import type { Metadata } from '../index/metadata/types.ts';
import { Scanner } from '../index/scan/scanner.ts';
import { IndexService } from '../search/index-service.ts';
import type { NodeIndexOptions } from '../search/index-types.ts';
import { settingsOf } from '../search/settings.ts';
import { SemanticIndex as WorkerSemanticIndex } from '../semantic-index.ts';
import { NodeIndexFolder } from './index-folder.ts';
import { lockFolder } from './index-lock.ts';
import { cacheFolder } from './open-source.ts';
import { startThread } from './threads.ts';

const MOST_THREADS = 4;

/** An index in this process. See {@link WorkerSemanticIndex} for its methods. */
export class SemanticIndex<M extends object = Metadata> extends WorkerSemanticIndex<M> {
  private closed: (() => Promise<void>) | undefined;

  /**
   * Opens an index in a folder, or makes it; a `name` means a folder in `$XDG_CACHE_HOME/sterna/indexes`. Without either it is in memory.
   *
   * @throws SternaError as in the browser; `storage` where another process has it open.
   */
  static override async open<M extends object = Metadata>(
    options: NodeIndexOptions,
  ): Promise<SemanticIndex<M>> {
    const settings = settingsOf(options);
    options.signal?.throwIfAborted();
    const { folder, unlock } = openFolder(options);
    const threads = options.threads ?? Math.min(MOST_THREADS, availableParallelism());
    const scanner = await Scanner.create({ threads, startThread });
    try {
      const service = await IndexService.open({ folder, scanner, settings });
      const index = new SemanticIndex<M>(service, options.embedder, service.report.settings);
      index.closed = async () => {
        await service.close();
        scanner.dispose();
        unlock();
      };
      return index;
    } catch (error) {
      scanner.dispose();
      unlock();
      throw error;
    }
  }

  override async dispose(): Promise<void> {
    const { closed } = this;
    this.closed = undefined;
    await closed?.();
  }
}

function openFolder({ folder, name }: NodeIndexOptions): { folder: IndexFolder; unlock: () => void } {
  if (typeof folder === 'object') return { folder, unlock: () => {} };
  const path =
    folder ?? (name === undefined ? undefined : join(cacheFolder(), 'indexes', encodeURIComponent(name)));
  if (path === undefined) return { folder: new MemoryFolder(), unlock: () => {} };
  const opened = new NodeIndexFolder(path);
  return { folder: opened, unlock: lockFolder(path) };
}
