import { crc32 } from '../../../crc32.ts';
import { sectionPlaces } from '../section-layout.ts';

/** Puts right the checksums of damaged bytes, as far as there are any, so that what comes behind them is reached. */
export function reseal(bytes: Uint8Array): void {
  if (bytes.length < 48) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const places = sectionPlaces({
    rows: view.getUint32(8, true),
    termCount: 0,
    totalLength: 0,
    blocks: view.getUint32(24, true),
    dictionaryBytes: view.getUint32(28, true),
    postingBytes: view.getUint32(32, true),
    checksum: 0,
  });
  if (places.end <= bytes.length) {
    sealBlocks(view, bytes, places.blocks, places.dictionary, view.getUint32(28, true));
    view.setUint32(36, crc32(bytes.subarray(places.lengths, places.dictionary)), true);
  }
  view.setUint32(40, crc32(bytes.subarray(0, 40)), true);
}

function sealBlocks(
  view: DataView,
  bytes: Uint8Array,
  table: number,
  dictionary: number,
  size: number,
): void {
  const blocks = view.getUint32(24, true);
  for (let block = 0; block < blocks; block++) {
    const at = table + 12 * block;
    const start = view.getUint32(at + 4, true);
    const end = block + 1 < blocks ? view.getUint32(at + 16, true) : size;
    if (start <= end && end <= size)
      view.setUint32(at + 8, crc32(bytes.subarray(dictionary + start, dictionary + end)), true);
  }
}
