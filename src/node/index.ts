/**
 * Sterna in Node (`sterna/node`): the same engine in this thread, on WebGPU through the optional package `webgpu`, or
 * on the processor. Models may also be paths.
 */
import { availableParallelism } from 'node:os';
import { engineSettings, Embedder as WorkerEmbedder } from '../embedder.ts';
import { Engine } from '../engine/engine.ts';
import { openerOf } from '../loader/model-opener.ts';
import { nanoSource } from '../loader/nano.ts';
import type { EmbedderOptions } from '../types.ts';
import { nodeFiles } from './files.ts';
import { nodeGpu } from './gpu.ts';
import { startThread } from './threads.ts';

export * from '../index.ts';

/** {@link EmbedderOptions} without workers. */
export type NodeEmbedderOptions = Omit<EmbedderOptions, 'worker' | 'workerFactory' | 'shared'>;

/** A model in this thread. See {@link WorkerEmbedder} for its methods. */
export class Embedder extends WorkerEmbedder {
  /**
   * Loads a model: `'nano'`, a path of a folder, an address, or a record of files.
   *
   * @throws SternaError as in the browser.
   */
  static override async create(options: NodeEmbedderOptions = {}): Promise<Embedder> {
    const { model = 'nano', signal, onProgress } = options;
    const settings = engineSettings(options);
    signal?.throwIfAborted();
    const files =
      model === 'nano'
        ? nodeFiles(nanoSource(), { name: 'nano', signal, onProgress })
        : nodeFiles(model, { signal, onProgress });
    const machine = { gpu: nodeGpu, processors: availableParallelism(), startThread };
    return new Embedder(
      await Engine.load({ ...settings, ...machine, model: openerOf(files), signal, onProgress }),
    );
  }
}
