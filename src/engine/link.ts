import type { Passage } from '../text/chunk.ts';
import type {
  Device,
  EmbedderReport,
  EmbeddingSpace,
  Output,
  Precision,
  Priority,
  Task,
  TokenizedTexts,
} from '../types.ts';

/** What an engine is loaded with. */
export interface EngineSettings {
  readonly device: Device;
  /** Absent: that of a pack, `auto` for a repository, else f32. */
  readonly precision?: Precision | 'auto';
  readonly keep: 'all' | 'needed' | 'nothing';
  readonly golden: 'refuse' | 'warn';
  readonly batchTokens: number;
  /** Absent: as many as the processor has. */
  readonly threads?: number;
}

/** {@link EmbedOptions} with every default filled in. */
export interface EmbedRequest {
  readonly task: Task;
  readonly dimensions: number;
  readonly output: Output;
  readonly truncate: 'end' | 'error';
  readonly specialTokens: 'parse' | 'text';
  readonly priority: Priority;
}

/** The vectors of one call, fit to be transferred. */
export interface EmbeddedTexts {
  /** `[texts]` vectors one after another, `bytesPerVector(output, dimensions)` each. */
  readonly values: ArrayBuffer;
  /** `[texts]` float ≈ integer × scale. */
  readonly scales: Float64Array;
  /** `[texts]` tokens read. */
  readonly tokenCounts: Uint32Array;
  /** `[texts]` 1 where the end was cut off. */
  readonly truncated: Uint8Array;
  readonly space: EmbeddingSpace;
}

/** An engine, in this thread or in another. */
export interface EngineLink {
  readonly report: EmbedderReport;
  embed(
    inputs: readonly (string | ArrayLike<number>)[],
    request: EmbedRequest,
    signal?: AbortSignal,
    onProgress?: (done: number) => void,
  ): Promise<EmbeddedTexts>;
  chunk(texts: readonly string[], maxTokens: number, signal?: AbortSignal): Promise<Passage[][]>;
  tokenize(texts: readonly string[], signal?: AbortSignal): Promise<TokenizedTexts>;
  dispose(): void;
}
