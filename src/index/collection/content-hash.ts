/**
 * 64 bits of a text and its metadata, as 16 hexadecimal digits: two words of FNV's kind that see every UTF-16 unit, mixed as MurmurHash ends. It
 * tells whether a document has changed; it is no protection against somebody who wants two to look alike.
 */
export function contentHash(text: string, metadata: string): string {
  let low = 0x811c9dc5;
  let high = 0x9747b28c;
  for (const part of [text, '\0', metadata]) {
    for (let i = 0; i < part.length; i++) {
      const unit = part.charCodeAt(i);
      low = Math.imul(low ^ unit, 0x01000193);
      high = Math.imul((high ^ unit) + 0x7ed55d16, 0x85ebca77);
      high = (high << 13) | (high >>> 19);
    }
  }
  low = mixed(low ^ text.length);
  high = mixed(high ^ low);
  return hex(mixed(low + high)) + hex(high);
}

function mixed(word: number): number {
  let mix = word;
  mix = Math.imul(mix ^ (mix >>> 16), 0x85ebca6b);
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35);
  return mix ^ (mix >>> 16);
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}
