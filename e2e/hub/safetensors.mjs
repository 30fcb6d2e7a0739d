/**
 * model.safetensors as it is published: float32, tensors in the order of their names without gaps, a header padded with spaces to a
 * multiple of eight bytes.
 */
import { fileOfSegments, segmentOf } from './hub-file.mjs';
import { countOf, weightSegment } from './random-values.mjs';

/**
 * @param {readonly import('./random-values.mjs').RandomTensor[]} tensors
 * @param {string} identity
 */
export function safetensorsFile(tensors, identity) {
  const sorted = [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1));
  const header = { __metadata__: { format: 'pt' } };
  let at = 0;
  for (const tensor of sorted) {
    const end = at + 4 * countOf(tensor);
    header[tensor.name] = { dtype: 'F32', shape: tensor.shape, data_offsets: [at, end] };
    at = end;
  }
  const json = JSON.stringify(header);
  const padded = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const segments = [
    segmentOf(Buffer.concat([length, padded])),
    ...sorted.map((tensor) => weightSegment(tensor)),
  ];
  return fileOfSegments('model.safetensors', segments, identity);
}
