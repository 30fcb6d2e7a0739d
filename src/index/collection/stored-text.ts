import type { SternaError } from '../../errors.ts';
import { metadataFromJson, metadataToJson } from '../metadata/codec.ts';
import type { Metadata } from '../metadata/types.ts';

/** How a text is written. */
const UTF8 = 0;
/** As a JSON string: for text with lone surrogates, which UTF-8 cannot hold. */
const JSON_STRING = 1;

/** A document's text and metadata as they are kept. */
export interface StoredText {
  readonly form: number;
  readonly text: Uint8Array;
  /** JSON in UTF-8; empty where there are none. */
  readonly metadata: Uint8Array;
  /** See `IndexedDocument`. */
  readonly hash: string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const LONE_SURROGATE = /\p{Surrogate}/u;

export function storeText(text: string, metadata: Metadata | undefined, hash: string): StoredText {
  const form = LONE_SURROGATE.test(text) ? JSON_STRING : UTF8;
  return {
    form,
    text: encoder.encode(form === JSON_STRING ? JSON.stringify(text) : text),
    metadata: encoder.encode(metadata === undefined ? '' : metadataToJson(metadata)),
    hash,
  };
}

/** @param refuse - makes the error for bytes that are no text. */
export function readText(
  stored: StoredText,
  refuse: (words: string, cause: unknown) => SternaError,
): { text: string; metadata: Metadata | undefined } {
  const { form, text } = stored;
  let value: unknown;
  try {
    const written = decoder.decode(text);
    value = form === JSON_STRING ? JSON.parse(written) : written;
    if (typeof value !== 'string' || form > JSON_STRING) throw new TypeError('it is no string');
  } catch (cause) {
    throw refuse('the text of a document cannot be read', cause);
  }
  return { text: value, metadata: readMetadata(stored, refuse) };
}

/** The metadata alone. */
export function readMetadata(
  { metadata }: StoredText,
  refuse: (words: string, cause: unknown) => SternaError,
): Metadata | undefined {
  if (metadata.length === 0) return undefined;
  try {
    return metadataFromJson(decoder.decode(metadata));
  } catch (cause) {
    throw refuse('the metadata of a document cannot be read', cause);
  }
}
