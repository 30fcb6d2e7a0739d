import { type Calibration, calibrate } from '../vectors/calibration.ts';
import type { CollectionSettings } from './manifest.ts';
import type { Part } from './part.ts';
import type { SegmentCodes } from './write-segment.ts';

/** Fewest vectors that codes are calibrated by. */
const CALIBRATION = 256;
/** Vectors that they are calibrated by at most. */
const MOST_CALIBRATION = 4096;

/**
 * How the vectors of a segment are to be kept that is written of some parts. Where codes are not calibrated yet, they are by these parts; when there
 * are too few vectors for that, they stay as they are.
 *
 * @param known - that of the segments that there are, so that codes of all of them compare and are copied when they are merged.
 */
export function segmentCodes(
  { codes, rerank }: CollectionSettings,
  dimensions: number,
  parts: readonly Part[],
  known: Calibration | undefined,
): SegmentCodes {
  const isPlain = codes === 'float32' && (!rerank || rerank === 'float32');
  const calibration = isPlain ? undefined : (known ?? calibrationBy(parts, dimensions));
  if (!isPlain && !calibration) return { codes: { kind: 'float32', dimensions } };
  return {
    codes: { kind: codes, dimensions },
    rerank: rerank && { kind: rerank, dimensions },
    calibration,
  };
}

/** By rows at even distances. */
function calibrationBy(parts: readonly Part[], dimensions: number): Calibration | undefined {
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  if (rows < CALIBRATION) return undefined;
  const count = Math.min(rows, MOST_CALIBRATION);
  const sample = new Float32Array(count * dimensions);
  let part = 0;
  let first = 0;
  for (let i = 0; i < count; i++) {
    const row = Math.floor((i * rows) / count);
    while (row >= first + parts[part].rows) first += parts[part++].rows;
    const { codes, rerank = codes } = parts[part];
    rerank.row(row - first, sample.subarray(i * dimensions, (i + 1) * dimensions));
  }
  return calibrate(sample, dimensions);
}
