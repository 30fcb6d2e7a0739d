import { meanOf } from '../vectors/mean.ts';
import type { CollectionSettings } from './manifest.ts';
import type { Part } from './part.ts';
import type { SegmentCodes } from './write-segment.ts';

/** Fewest vectors whose mean codes are relative to. */
const FEWEST = 256;
/** Vectors that are looked at. */
const SAMPLE = 4096;

/**
 * How the vectors of a segment are to be kept that is written of some parts. Codes are relative to the mean of the segments that there are, or else
 * of these parts; when there are too few vectors for that, they stay as they are.
 *
 * @param known - the mean of the segments that there are: with the same one, codes are copied when segments are merged.
 */
export function segmentCodes(
  { codes, rerank }: CollectionSettings,
  dimensions: number,
  parts: readonly Part[],
  known: Float32Array | undefined,
): SegmentCodes {
  const isPlain = codes === 'float32' && (!rerank || rerank === 'float32');
  const mean = isPlain ? undefined : (known ?? meanOfParts(parts, dimensions));
  if (!isPlain && !mean) return { codes: { kind: 'float32', dimensions } };
  return {
    codes: { kind: codes, dimensions },
    rerank: rerank && { kind: rerank, dimensions },
    mean,
  };
}

/** By rows at even distances. */
function meanOfParts(parts: readonly Part[], dimensions: number): Float32Array | undefined {
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  if (rows < FEWEST) return undefined;
  const count = Math.min(rows, SAMPLE);
  const sample = new Float32Array(count * dimensions);
  let part = 0;
  let first = 0;
  for (let i = 0; i < count; i++) {
    const row = Math.floor((i * rows) / count);
    while (row >= first + parts[part].rows) first += parts[part++].rows;
    const { codes, rerank = codes } = parts[part];
    rerank.row(row - first, sample.subarray(i * dimensions, (i + 1) * dimensions));
  }
  return meanOf(sample, dimensions);
}
