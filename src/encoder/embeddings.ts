import type { PackedBatch } from '../text/pack.ts';
import type { EncoderConfig } from './config.ts';

/** A table of vectors whose rows are read one by one, in whatever number type it is stored. */
export interface RowTable {
  readonly rows: number;
  readonly columns: number;
  /**
   * Makes rows ready to be added, until the next call; absent where all of them always are.
   *
   * @throws SternaError `network`, `corrupt-file` where they cannot be had.
   */
  fetch?(rows: Uint32Array): Promise<void>;
  /** Adds row `row` to `target[at … at + columns]`. */
  addRow(row: number, target: Float32Array, at: number): void;
}

/**
 * The tables of the input layer. They stay in host memory: a vocabulary of 250,002 rows is larger than any
 * binding that WebGPU promises, and a batch reads few of its rows.
 */
export interface EmbeddingTables {
  /** `[vocabulary, hidden]`. */
  readonly words: RowTable;
  /** `[positions, hidden]`, xlm-roberta only. */
  readonly positions?: RowTable;
  /** `[hidden]`, the token-type row 0; absent where the model has none. */
  readonly tokenType?: Float32Array;
}

/**
 * Word + token-type + position rows of a batch, before the first LayerNorm.
 *
 * @returns `[tokens, hidden]`.
 */
export function embedTokens(
  tables: EmbeddingTables,
  config: EncoderConfig,
  batch: PackedBatch,
): Float32Array {
  const { hiddenSize } = config;
  const { words, positions, tokenType } = tables;
  const rows = new Float32Array(batch.ids.length * hiddenSize);
  for (let text = 0; text + 1 < batch.starts.length; text++) {
    // RoBERTa counts positions from padId + 1 and gives every <pad> in the input the position padId.
    let position = config.padId;
    for (let token = batch.starts[text]; token < batch.starts[text + 1]; token++) {
      const at = token * hiddenSize;
      const id = batch.ids[token];
      if (tokenType) rows.set(tokenType, at);
      words.addRow(id, rows, at);
      positions?.addRow(id === config.padId ? config.padId : ++position, rows, at);
    }
  }
  return rows;
}
