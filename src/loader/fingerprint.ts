import type { EncoderConfig } from '../encoder/config.ts';
import { allParts, partsOf, prefixOf } from '../encoder/parts.ts';
import type { Task } from '../types.ts';
import type { Checkpoint } from './checkpoint.ts';
import { numberReader, type WeightType } from './dtype.ts';

/**
 * A 64-bit hash of a sequence of byte strings, as 16 hexadecimal digits: two 32-bit hashes of the FNV-1a kind with
 * different primes and starts. It tells models apart; it does not protect against somebody who wants two alike.
 */
export class Fingerprint {
  private low = 0x811c9dc5;
  private high = 0x9747b28c;

  add(bytes: Uint8Array): this {
    let { low, high } = this;
    for (const byte of bytes) {
      low = Math.imul(low ^ byte, 0x01000193);
      high = Math.imul(high ^ byte, 0x5bd1e995);
      high ^= high >>> 15;
    }
    this.low = low;
    this.high = high;
    return this;
  }

  /** Strings are hashed with their length, so that "ab", "c" is not "a", "bc". */
  addText(text: string): this {
    const bytes = new TextEncoder().encode(text);
    return this.add(new Uint8Array(Uint32Array.of(bytes.length).buffer)).add(bytes);
  }

  toString(): string {
    return [this.high, this.low].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  }
}

/**
 * Tells apart what makes vectors differ: configuration, tokenizer, prompts, and of the weights all biases and norms, which every
 * training step moves, and which are a thousandth of the bytes. It is the same however the matrices are stored.
 *
 * @param model.tokenizer - the bytes of tokenizer.json.
 */
export async function fingerprintOf({
  config,
  tokenizer,
  prompts,
  checkpoint,
}: {
  config: EncoderConfig;
  tokenizer?: Uint8Array;
  prompts: Readonly<Record<Task, string>>;
  checkpoint: Checkpoint;
}): Promise<string> {
  const hash = new Fingerprint()
    .addText(JSON.stringify(config))
    .addText(prompts.query)
    .addText(prompts.document);
  if (tokenizer) hash.add(tokenizer);
  const prefix = prefixOf(checkpoint.tensors);
  const vectors = allParts(partsOf(config)).filter(({ role }) => role === 'vector');
  for (const name of vectors.flatMap(({ tensors }) => tensors)) {
    const { dtype } = checkpoint.tensors.get(prefix + name)!;
    const numbers = numberReader(await checkpoint.read(prefix + name), dtype as WeightType);
    const values = new Float32Array(numbers.length);
    numbers.copy(0, values.length, values, 0);
    hash.addText(name).add(new Uint8Array(values.buffer));
  }
  return hash.toString();
}
