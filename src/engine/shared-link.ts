import { SternaError } from '../errors.ts';
import type { Meeting } from '../tabs/meeting.ts';
import { SharedService } from '../tabs/shared-service.ts';
import type { Passage } from '../text/chunk.ts';
import type { EmbedderReport, LoadProgress, TokenizedTexts } from '../types.ts';
import type { EmbeddedTexts, EmbedRequest, EngineLink } from './link.ts';
import { EngineService, type Product, type Work } from './work.ts';

/**
 * Starts an engine.
 *
 * @param like - what an engine before it was: device and precision should be the same, so that vectors have the same bits.
 */
export type StartEngine = (
  signal: AbortSignal,
  onProgress: (progress: LoadProgress) => void,
  like?: EmbedderReport,
) => Promise<EngineLink>;

/** How to share an engine. */
export interface SharedOptions extends Meeting {
  /** The same in all tabs that share. */
  readonly name: string;
  /** Starts an engine, should this tab be the leader. */
  readonly start: StartEngine;
}

/** An engine that all tabs of an origin have together. */
export class SharedLink implements EngineLink {
  private constructor(private readonly service: SharedService<Work, Product, EmbedderReport, LoadProgress>) {}

  /**
   * Takes part, and waits until there is an engine.
   *
   * @param onProgress - told of the load, whichever tab does it, and in any case that the engine is ready.
   * @throws as the engine's load, where it is this tab that loads it; the signal's reason when it is aborted.
   */
  static async join(
    { start, ...place }: SharedOptions,
    signal?: AbortSignal,
    onProgress?: (progress: LoadProgress) => void,
  ): Promise<SharedLink> {
    let isReady = false;
    const told = (progress: LoadProgress) => {
      isReady ||= progress.phase === 'ready';
      onProgress?.(progress);
    };
    const options = { ...place, noun: 'embedder', start: starter(start), isDeath };
    const service = await SharedService.join(options, signal, told);
    const { adapter, device } = service.report;
    if (!isReady) told({ phase: 'ready', item: adapter || device, loaded: 1, total: 1 });
    return new SharedLink(service);
  }

  /** Of the engine in use; another one may take its place. */
  get report(): EmbedderReport {
    return this.service.report;
  }

  async embed(
    inputs: readonly (string | ArrayLike<number>)[],
    request: EmbedRequest,
    signal?: AbortSignal,
    onProgress?: (done: number) => void,
  ): Promise<EmbeddedTexts> {
    // They may have to be sent a second time, when the caller's arrays hold something else.
    const kept = inputs.map((one) => (typeof one === 'string' ? one : Array.from(one)));
    const product = await this.service.perform({ kind: 'embed', inputs: kept, request }, signal, onProgress);
    return product as EmbeddedTexts;
  }

  async chunk(texts: readonly string[], maxTokens: number, signal?: AbortSignal): Promise<Passage[][]> {
    const product = await this.service.perform({ kind: 'chunk', texts: [...texts], maxTokens }, signal);
    return product as Passage[][];
  }

  async tokenize(texts: readonly string[], signal?: AbortSignal): Promise<TokenizedTexts> {
    const product = await this.service.perform({ kind: 'tokenize', texts: [...texts] }, signal);
    return product as TokenizedTexts;
  }

  /** Ends this tab's part. Other tabs go on, with another leader if this was it. */
  dispose(): void {
    this.service.dispose();
  }
}

/** Starts an engine like the one before, and any other where there can be none like it. */
function starter(start: StartEngine) {
  return async (
    signal: AbortSignal,
    onProgress: (progress: LoadProgress) => void,
    like?: EmbedderReport,
  ): Promise<EngineService> => {
    const engine = await start(signal, onProgress, like).catch((error) => {
      if (!like || signal.aborted) throw error;
      // Here may be no such device; vectors that differ in their last bits are better than none.
      return start(signal, onProgress);
    });
    return new EngineService(engine);
  };
}

/** Whether an error says that the engine will answer no call any more. */
function isDeath(error: unknown): boolean {
  return error instanceof SternaError && error.code === 'worker';
}
