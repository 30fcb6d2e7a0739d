/** How large a segment is. */
export interface SegmentSize {
  /** Rows in its file. */
  readonly rows: number;
  readonly documents: number;
  /** Documents that were not removed. */
  readonly kept: number;
  /** Bytes of its file. */
  readonly bytes: number;
}

/** Segments of about one size that are merged: so each row is written again once for each factor of eight that the index grows. */
const FANOUT = 8;
/** Rows of the smallest class of sizes. */
const SMALLEST = 4096;
/** Share of removed documents from which on a segment is written anew. */
const WASTE = 1 / 3;
/** A segment of so many bytes grows no further: what is in it is addressed by 32 bits, and merging takes memory. */
const MOST_BYTES = 2 ** 30;

/**
 * Which segments are to be written as one now.
 *
 * @returns their places; nothing where all is well.
 */
export function segmentsToMerge(segments: readonly SegmentSize[]): number[] | undefined {
  const wasteful = segments.findIndex(({ documents, kept }) => documents - kept > WASTE * documents);
  if (wasteful >= 0) return [wasteful];
  const classes = new Map<number, number[]>();
  for (const [place, { rows, bytes }] of segments.entries()) {
    if (bytes >= MOST_BYTES / FANOUT) continue;
    const size = Math.max(0, Math.floor(Math.log(rows / SMALLEST) / Math.log(FANOUT)));
    const places = classes.get(size) ?? [];
    places.push(place);
    classes.set(size, places);
    if (places.length === FANOUT) return places;
  }
  return undefined;
}
