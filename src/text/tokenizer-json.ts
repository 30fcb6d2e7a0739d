import { SternaError } from '../errors.ts';
import { JsonPlace } from './json-place.ts';
import { Vocabulary } from './vocabulary.ts';
import { SCANNED, scanTokenizer } from './vocabulary-scanner.ts';

/** A tokenizer.json that was read as far as JSON goes. */
export interface TokenizerJson {
  /** The parsed file. */
  readonly json: JsonPlace;
  /** Its vocabulary, where that was read straight from the bytes; `model.vocab` is of no meaning then. */
  readonly scanned?: Vocabulary;
}

/**
 * Reads a tokenizer.json as far as JSON goes; what its fields mean is for others.
 *
 * @param source - the file's bytes or text, or the parsed object.
 * @param file - its name, for messages.
 * @throws SternaError `corrupt-file` where it is not JSON.
 */
export function readTokenizerJson(source: Uint8Array | string | object, file: string): TokenizerJson {
  const scanned = source instanceof Uint8Array ? scanTokenizer(source) : undefined;
  if (scanned) {
    const json = new JsonPlace(scanned.json, `${file}:`);
    if (json.field('model').field('vocab').value === SCANNED) return { json, scanned: scanned.vocabulary };
  }
  return { json: new JsonPlace(parse(source, file), `${file}:`) };
}

/**
 * The pieces of a tokenizer of Unigram's kind.
 *
 * @throws SternaError `corrupt-file`.
 */
export function vocabularyOf({ json, scanned }: TokenizerJson): Vocabulary {
  return scanned ?? Vocabulary.of(json.field('model').field('vocab'));
}

function parse(source: Uint8Array | string | object, file: string): unknown {
  if (typeof source === 'object' && !(source instanceof Uint8Array)) return source;
  try {
    return JSON.parse(
      typeof source === 'string' ? source : new TextDecoder('utf-8', { fatal: true }).decode(source),
    );
  } catch (error) {
    throw new SternaError('corrupt-file', `${file} is not JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
