import { Vocabulary } from './vocabulary.ts';

/** A tokenizer.json that was read in two parts. */
export interface ScannedJson {
  /** The file with {@link SCANNED} in the place of its vocabulary. */
  readonly json: unknown;
  readonly vocabulary: Vocabulary;
}

/** Stands in the parsed file where the vocabulary was. */
export const SCANNED = 'scanned';

/**
 * Reads a tokenizer.json whose vocabulary is large: the vocabulary straight from the bytes, the rest by `JSON.parse`. That
 * halves the time of `JSON.parse` alone, which makes half a million objects that are thrown away at once.
 *
 * It takes the plain form that tokenizers are written in and nothing else: whatever it does not expect, right or
 * wrong, it leaves to `JSON.parse`.
 *
 * @returns nothing where the file is not for it.
 */
export function scanTokenizer(bytes: Uint8Array): ScannedJson | undefined {
  const start = findVocabulary(bytes);
  if (start < 0) return undefined;
  const scanner = new Scanner(bytes, start);
  const vocabulary = scanner.vocabulary();
  if (!vocabulary) return undefined;
  try {
    const head = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, start));
    const tail = strictDecoder().decode(bytes.subarray(scanner.at));
    return { json: JSON.parse(`${head}"${SCANNED}"${tail}`), vocabulary };
  } catch {
    return undefined;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const POINT = 0x2e;

/** A piece and its score are not often written in less. */
const ENTRY_BYTES = 16;

const KEY = new TextEncoder().encode('"vocab"');

/** Where the list behind the first `"vocab":` begins, or −1. */
function findVocabulary(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(QUOTE); at >= 0; at = bytes.indexOf(QUOTE, at + 1)) {
    if (!KEY.every((byte, i) => bytes[at + i] === byte)) continue;
    const scanner = new Scanner(bytes, at + KEY.length);
    if (scanner.take(COLON)) {
      scanner.skipSpace();
      return scanner.at;
    }
  }
  return -1;
}

/** Powers of ten that float64 has exactly. */
const POWERS = Array.from({ length: 16 }, (_, exponent) => 10 ** exponent);

/** JSON's grammar of numbers. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** Refuses what is no UTF-8, and keeps a byte order mark, which may stand at the beginning of a file only. */
function strictDecoder(): TextDecoder {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
}

class Scanner {
  constructor(
    private readonly bytes: Uint8Array,
    public at: number,
  ) {}

  /** `[["piece", score], …]`, or nothing where it is written in another way. */
  vocabulary(): Vocabulary | undefined {
    if (!this.take(OPEN)) return undefined;
    const vocabulary = new Vocabulary(Math.min(2 ** 18, Math.ceil(this.bytes.length / ENTRY_BYTES)));
    do {
      if (!this.take(OPEN) || !this.take(QUOTE)) return undefined;
      const length = this.string(vocabulary);
      if (length < 0 || !this.take(COMMA)) return undefined;
      const score = this.number();
      if (!Number.isFinite(score) || !this.take(CLOSE)) return undefined;
      vocabulary.push(length, score);
    } while (this.take(COMMA));
    return this.take(CLOSE) ? vocabulary : undefined;
  }

  /** Goes past a byte and the white space before it, if it is the next one. */
  take(byte: number): boolean {
    this.skipSpace();
    if (this.bytes[this.at] !== byte) return false;
    this.at++;
    return true;
  }

  skipSpace(): void {
    const { bytes } = this;
    while (
      bytes[this.at] === 0x20 ||
      bytes[this.at] === 0x0a ||
      bytes[this.at] === 0x0d ||
      bytes[this.at] === 0x09
    )
      this.at++;
  }

  /** Reads a string behind its quote into the vocabulary. @returns its UTF-16 units, or −1. */
  private string(vocabulary: Vocabulary): number {
    const { bytes } = this;
    const begin = this.at;
    let end = begin;
    while (bytes[end] !== QUOTE) {
      if (bytes[end] === BACKSLASH) end++;
      if (++end >= bytes.length) return -1;
    }
    const start = vocabulary.reserve(end - begin);
    const { units } = vocabulary;
    let to = start;
    for (let at = begin; at < end; ) {
      const byte = bytes[at];
      if (byte < 0x80) {
        if (byte < 0x20) return -1;
        if (byte === BACKSLASH) return this.escapedString(begin, end, vocabulary);
        units[to++] = byte;
        at++;
        continue;
      }
      // Bytes of a character, and the least code that needs as many.
      const [size, least] = byte < 0xe0 ? [2, 0x80] : byte < 0xf0 ? [3, 0x800] : [4, 0x10000];
      if (byte < 0xc2 || byte > 0xf4) return -1;
      let code = byte & (0x7f >> size);
      for (let k = 1; k < size; k++) {
        if ((bytes[at + k] & 0xc0) !== 0x80) return -1;
        code = (code << 6) | (bytes[at + k] & 0x3f);
      }
      if (code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return -1;
      at += size;
      if (code < 0x10000) units[to++] = code;
      else {
        units[to++] = 0xd7c0 + (code >> 10);
        units[to++] = 0xdc00 | (code & 0x3ff);
      }
    }
    this.at = end + 1;
    return to - start;
  }

  /** A string with backslashes, which are few. */
  private escapedString(begin: number, end: number, vocabulary: Vocabulary): number {
    let text: string;
    try {
      text = JSON.parse(`"${strictDecoder().decode(this.bytes.subarray(begin, end))}"`);
    } catch {
      return -1;
    }
    const start = vocabulary.starts[vocabulary.size];
    for (let k = 0; k < text.length; k++) vocabulary.units[start + k] = text.charCodeAt(k);
    this.at = end + 1;
    return text.length;
  }

  /** A number, or NaN. Up to 15 digits are exact in float64, and so is the power of ten that they are divided by. */
  private number(): number {
    this.skipSpace();
    const { bytes } = this;
    const begin = this.at;
    let at = begin;
    if (bytes[at] === MINUS) at++;
    const first = at;
    let digits = 0;
    let decimals = 0;
    let point = 0;
    for (; ; at++) {
      const digit = bytes[at] - 0x30;
      if (digit >= 0 && digit <= 9) {
        digits = 10 * digits + digit;
        decimals += point;
      } else if (bytes[at] === POINT && point === 0 && at > first) point = 1;
      else break;
    }
    const count = at - first - point;
    const plain = count > 0 && count <= 15 && (point === 0 || decimals > 0);
    const leadingZero = bytes[first] === 0x30 && bytes[first + 1] !== POINT && count > 1;
    const ended = bytes[at] === CLOSE || bytes[at] <= 0x20;
    if (!plain || leadingZero || !ended) return this.anyNumber(begin);
    this.at = at;
    const size = digits / POWERS[decimals];
    return bytes[begin] === MINUS ? -size : size;
  }

  private anyNumber(begin: number): number {
    const { bytes } = this;
    let end = begin;
    while (end < bytes.length && bytes[end] !== CLOSE && bytes[end] > 0x20) end++;
    if (end - begin > 40) return Number.NaN;
    const text = String.fromCharCode(...bytes.subarray(begin, end));
    this.at = end;
    return NUMBER.test(text) ? Number(text) : Number.NaN;
  }
}
