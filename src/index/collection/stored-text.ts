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
  { form, text, metadata }: StoredText,
  refuse: (words: string, cause: unknown) => SternaError,
): { text: string; metadata: Metadata | undefined } {
  try {
    const written = decoder.decode(text);
    const value: unknown = form === JSON_STRING ? JSON.parse(written) : written;
    if (typeof value !== 'string' || form > JSON_STRING) throw new TypeError('it is no string');
    const json = decoder.decode(metadata);
    return { text: value, metadata: json === '' ? undefined : metadataFromJson(json) };
  } catch (cause) {
    throw refuse('the text of a document cannot be read', cause);
  }
}
