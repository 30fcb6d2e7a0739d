import { decodeWindows1252 } from './windows-1252.ts';

const MARKS: readonly (readonly [label: string, bytes: readonly number[]])[] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
];
/** Where browsers look for a page's own word about its characters. */
const DECLARATION_BYTES = 1024;

/**
 * The text of a file: as its byte order mark says; else, of a page, as the page says; else UTF-8, or Windows-1252 where it is none.
 *
 * @param isPage - whether it is HTML.
 */
export function decodeText(bytes: Uint8Array, isPage = false): string {
  const marked = MARKS.find(([, mark]) => mark.every((byte, i) => bytes[i] === byte))?.[0];
  const label = marked ?? (isPage ? declared(bytes) : undefined);
  if (label === 'windows-1252') return decodeWindows1252(bytes);
  if (label !== undefined) return new TextDecoder(label).decode(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return decodeWindows1252(bytes);
  }
}

function declared(bytes: Uint8Array): string | undefined {
  const head = decodeWindows1252(bytes.subarray(0, DECLARATION_BYTES));
  const label = /<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w:-]+)/i.exec(head)?.[1];
  // Whoever could write this in one byte a character did not write UTF-16.
  if (label === undefined || /^utf-?(8|16)/i.test(label)) return undefined;
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return undefined;
  }
}
