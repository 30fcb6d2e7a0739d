import { readArtifact, writeArtifact } from './artifact-format.ts';
import { fromBase64 } from './base64.ts';
import { mapCharsmaps } from './charsmaps.ts';
import { JsonPlace } from './json-place.ts';
import { Tokenizer } from './tokenizer.ts';
import { readTokenizerJson, vocabularyOf } from './tokenizer-json.ts';

/** Fields of a tokenizer.json that make no difference to ids. */
const UNUSED = ['truncation', 'padding', 'decoder'];

/**
 * A tokenizer as few bytes: XLM-R's 250,002 pieces take 1.2 MB. {@link tokenizerFromBytes} makes of them a tokenizer
 * with the same ids, offsets and scores, bit for bit.
 *
 * @param json - the bytes of a tokenizer.json.
 * @param file - its name, for messages.
 * @throws SternaError as `Tokenizer.fromJSON` does, and `unsupported-model` where it is larger than such bytes may be.
 */
export async function tokenizerToBytes(
  json: Uint8Array,
  file = 'tokenizer.json',
): Promise<Uint8Array<ArrayBuffer>> {
  Tokenizer.fromJSON(json, file); // refuses here what would be refused when the bytes are read
  const parts = readTokenizerJson(json, file);
  const { model, normalizer, ...rest } = parts.json.value as Record<string, unknown>;
  for (const name of UNUSED) delete rest[name];
  const { vocab: _, ...options } = model as Record<string, unknown>;

  const charsmaps: Uint8Array[] = [];
  const numbered = mapCharsmaps(normalizer, (text) => charsmaps.push(fromBase64(text as string)!) - 1);
  return writeArtifact(
    {
      json: { ...rest, normalizer: numbered, model: options },
      charsmaps,
      vocabulary: vocabularyOf(parts),
    },
    file,
  );
}

/**
 * The tokenizer that {@link tokenizerToBytes} has written: the ids, ranges and scores of its source.
 *
 * @param file - its name, for messages.
 * @throws SternaError `corrupt-file` where any byte of it is damaged, or the version of the format is a later one.
 */
export async function tokenizerFromBytes(bytes: Uint8Array, file = 'tokenizer.bin'): Promise<Tokenizer> {
  const { json, charsmaps, vocabulary } = await readArtifact(bytes, file);
  const fields = new JsonPlace(json, `${file}:`);
  const normalizer = mapCharsmaps(fields.field('normalizer').value, (at) => charsmaps[at as number]);
  return Tokenizer.fromParts(new JsonPlace({ ...(json as object), normalizer }, `${file}:`), vocabulary);
}
