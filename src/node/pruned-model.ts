import { type EncoderConfig, parseConfig } from '../encoder/config.ts';
import { WORDS } from '../encoder/parts.ts';
import { SternaError } from '../errors.ts';
import type { Checkpoint } from '../loader/checkpoint.ts';
import { parseJson } from '../loader/files.ts';
import { type PruningLoss, pruneTokenizer, pruningLoss, Tokenizer } from '../text/index.ts';
import type { Task } from '../types.ts';

/** A model with the words of some languages only. */
export interface PrunedModel {
  /** The bytes of tokenizer.json. */
  readonly tokenizer: Uint8Array;
  /** What config.json says then. */
  readonly json: Record<string, unknown>;
  readonly config: EncoderConfig;
  readonly checkpoint: Checkpoint;
  /** What texts lose that were not looked at: every tenth of the samples was held out to find this. */
  readonly loss: PruningLoss;
}

/** Which of the samples are held out to measure the loss. */
const HELD_OUT = 10;

/**
 * Leaves out of a model the words that samples of texts do not need. Ids are new, in the old order.
 *
 * @param model.prefix - of the checkpoint's names.
 * @throws SternaError `invalid-input` without samples; `unsupported-model` where the padding's id would move, by which positions are counted.
 */
export function pruneModel(
  model: {
    tokenizer: Uint8Array;
    config: Uint8Array;
    checkpoint: Checkpoint;
    prefix: string;
    prompts: Readonly<Record<Task, string>>;
  },
  samples: readonly string[],
): PrunedModel {
  if (samples.length === 0)
    throw new SternaError('invalid-input', 'There are no sample texts; needed: some of each language.');
  // Each text may be read with a prompt before it, and without one.
  const prompts = new Set(['', ...Object.values(model.prompts)]);
  const texts = samples.flatMap((text) => [...prompts].map((prompt) => prompt + text));
  const original = Tokenizer.fromJSON(model.tokenizer);
  const loss = lossOf(original, model.tokenizer, samples);
  const { json: tokenizer, kept } = pruneTokenizer(model.tokenizer, texts);
  const json = parseJson(model.config, 'config.json') as Record<string, unknown>;
  const pad = (json.pad_token_id ?? 1) as number;
  if (kept[pad] !== pad)
    throw new SternaError(
      'unsupported-model',
      `The padding's id would move from ${pad}; needed: that it stays, as positions are counted from it.`,
    );
  const pruned = { ...json, vocab_size: kept.length };
  return {
    tokenizer,
    json: pruned,
    config: parseConfig(pruned, 'config.json'),
    checkpoint: withRows(model.checkpoint, model.prefix + WORDS, kept),
    loss,
  };
}

function lossOf(original: Tokenizer, json: Uint8Array, texts: readonly string[]): PruningLoss {
  const seen = texts.filter((_, i) => texts.length < HELD_OUT || i % HELD_OUT > 0);
  const unseen = texts.length < HELD_OUT ? texts : texts.filter((_, i) => i % HELD_OUT === 0);
  const { json: tokenizer, kept } = pruneTokenizer(json, seen);
  return pruningLoss(original, Tokenizer.fromJSON(tokenizer), kept, unseen);
}

/** A checkpoint whose tensor `name` has some of its rows. */
function withRows(checkpoint: Checkpoint, name: string, kept: Uint32Array): Checkpoint {
  const info = checkpoint.tensors.get(name)!;
  const rowBytes = (info.end - info.start) / info.shape[0];
  const shape = [kept.length, ...info.shape.slice(1)];
  const tensors = new Map(checkpoint.tensors);
  tensors.set(name, { ...info, shape, start: 0, end: kept.length * rowBytes });
  const rowsOf = async (first: number, end: number) => {
    const bytes = new Uint8Array((end - first) * rowBytes);
    for (let row = first; row < end; ) {
      // Neighbours are read together.
      let last = row + 1;
      while (last < end && kept[last] === kept[last - 1] + 1) last++;
      bytes.set(await checkpoint.readRows(name, kept[row], kept[last - 1] + 1), (row - first) * rowBytes);
      row = last;
    }
    return bytes;
  };
  return {
    tensors,
    read: (wanted) => (wanted === name ? rowsOf(0, kept.length) : checkpoint.read(wanted)),
    readRows: (wanted, first, end) =>
      wanted === name ? rowsOf(first, end) : checkpoint.readRows(wanted, first, end),
  };
}
