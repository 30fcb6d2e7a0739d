/**
 * Sterna in Node (`sterna/node`): the same engine in this thread, on WebGPU through the optional package `webgpu`, or
 * on the processor. Models may also be paths.
 */
import { availableParallelism } from 'node:os';
import { engineSettings, Embedder as WorkerEmbedder } from '../embedder.ts';
import { Engine } from '../engine/engine.ts';
import { nanoSource } from '../loader/nano.ts';
import type { EmbedderOptions } from '../types.ts';
import { nodeGpu } from './gpu.ts';
import { nodeSourceOpener } from './open-source.ts';
import { startThread } from './threads.ts';

export * from '../index.ts';
export type { NodeIndexOptions } from '../search/index-types.ts';
export { NodeIndexFolder } from './index-folder.ts';
export { SemanticIndex } from './semantic-index.ts';

/** {@link EmbedderOptions} without workers. */
export type NodeEmbedderOptions = Omit<EmbedderOptions, 'worker' | 'workerFactory' | 'shared'>;

/** A model in this thread. See {@link WorkerEmbedder} for its methods. */
export class Embedder extends WorkerEmbedder {
  /**
   * Loads a model: `'nano'`, a repository of the hub, a path of a folder, an address, or a record of files. What is behind an address is kept in
   * `$XDG_CACHE_HOME/sterna`, or `~/.cache/sterna`.
   *
   * @throws SternaError as in the browser.
   */
  static override async create(options: NodeEmbedderOptions = {}): Promise<Embedder> {
    const { model = 'nano', signal, onProgress } = options;
    const settings = engineSettings(options);
    signal?.throwIfAborted();
    const { revision, baseUrl } = options;
    const custom = options.fetch as typeof fetch | undefined;
    const source = model === 'nano' ? nanoSource() : model;
    const name = model === 'nano' ? 'nano' : undefined;
    const keep = settings.keep !== 'nothing';
    const open = nodeSourceOpener(source, {
      name,
      revision,
      baseUrl,
      keep,
      fetch: custom,
      signal,
      onProgress,
    });
    const machine = { gpu: nodeGpu, processors: availableParallelism(), startThread };
    return new Embedder(await Engine.load({ ...settings, ...machine, model: open, signal, onProgress }));
  }
}
