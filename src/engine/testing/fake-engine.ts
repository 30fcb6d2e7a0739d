import { SternaError } from '../../errors.ts';
import type { FakeTab } from '../../tabs/testing/fake-browser.ts';
import type { Passage } from '../../text/chunk.ts';
import type { EmbedderReport, TokenizedTexts } from '../../types.ts';
import type { EmbeddedTexts, EmbedRequest, EngineLink } from '../link.ts';
import type { StartEngine } from '../shared-link.ts';

/** Milliseconds that a load, and a text, take. */
export const LOAD_TIME = 100;
export const TEXT_TIME = 50;

/** The vectors of texts, as it is plain to see: one byte each, the length of the text. */
export function vectorsOf(inputs: readonly (string | ArrayLike<number>)[]): EmbeddedTexts {
  return {
    values: Uint8Array.from(inputs, ({ length }) => length).buffer,
    scales: new Float64Array(inputs.length).fill(1),
    tokenCounts: Uint32Array.from(inputs, ({ length }) => length),
    truncated: new Uint8Array(inputs.length),
    space: { id: 'fake@0/1', model: 'fake', revision: '0', dimensions: 1 },
  };
}

/** Makes engines, and says what becomes of them. */
export class FakeFactory {
  readonly engines: FakeEngine[] = [];
  /** What engines were to be like, in order of their starts. */
  readonly likes: (EmbedderReport | undefined)[] = [];
  /** Whether no engine can be like another. */
  refusesLikeness = false;

  start(tab: FakeTab): StartEngine {
    return async (signal, onProgress, like) => {
      this.likes.push(like);
      onProgress({ phase: 'download', item: 'model', loaded: 1, total: 2 });
      await wait(tab, LOAD_TIME);
      signal.throwIfAborted();
      if (like && this.refusesLikeness) throw new SternaError('no-webgpu', 'No adapter.');
      const engine = new FakeEngine(tab, this.engines.length);
      this.engines.push(engine);
      return engine;
    };
  }
}

/** An engine whose answers come into its tab. */
export class FakeEngine implements EngineLink {
  readonly report: EmbedderReport;
  /** Calls that it saw aborted. */
  aborted = 0;
  private fail: (error: Error) => void = () => {};
  private readonly ended = new Promise<never>((_, reject) => {
    this.fail = reject;
  });

  constructor(
    private readonly tab: FakeTab,
    number: number,
  ) {
    this.ended.catch(() => {});
    this.report = {
      model: 'fake',
      family: 'gte',
      layers: 1,
      dimensions: 1,
      trainedDimensions: [1],
      maxTokens: 100,
      prompts: { query: '', document: '' },
      device: 'reference',
      adapter: `engine ${number}`,
      precision: 'f32',
      deviation: 0,
      notes: [],
    };
  }

  async embed(
    inputs: readonly (string | ArrayLike<number>)[],
    _request: EmbedRequest,
    signal?: AbortSignal,
    onProgress?: (done: number) => void,
  ): Promise<EmbeddedTexts> {
    for (let i = 0; i < inputs.length; i++) {
      await Promise.race([wait(this.tab, TEXT_TIME), this.ended]);
      if (signal?.aborted) this.aborted++;
      signal?.throwIfAborted();
      if (inputs[i] === 'too long') throw new SternaError('text-too-long', 'Too long.');
      onProgress?.(i + 1);
    }
    return vectorsOf(inputs);
  }

  async chunk(texts: readonly string[]): Promise<Passage[][]> {
    await Promise.race([wait(this.tab, TEXT_TIME), this.ended]);
    return texts.map((text) => [{ text, start: 0, end: text.length, tokenCount: text.length }]);
  }

  async tokenize(texts: readonly string[]): Promise<TokenizedTexts> {
    await Promise.race([wait(this.tab, TEXT_TIME), this.ended]);
    const read = texts.map((text) => ({
      ids: Uint32Array.of(text.length),
      offsets: Uint32Array.of(0, text.length),
    }));
    return { unknownId: 0, texts: read };
  }

  dispose(): void {
    this.fail(new SternaError('disposed', 'Disposed.'));
  }

  /** Its worker dies. */
  die(): void {
    this.fail(new SternaError('worker', 'The worker failed.'));
  }
}

function wait(tab: FakeTab, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(() => tab.act(resolve), milliseconds);
  });
}
