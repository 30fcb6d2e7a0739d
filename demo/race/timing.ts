/** What a turn gave. */
export interface Measured {
  readonly milliseconds: number;
  /** One vector of unit length for each text. */
  readonly vectors: readonly Float32Array[];
}

/** Milliseconds for which a short call is repeated, and how often at most. */
const ENOUGH = 60;
const MOST_CALLS = 9;
/** What takes so many milliseconds does not take much longer for cold caches. */
const LONG = 300;
/** Milliseconds in which the threads of the engine before fall asleep. */
const PAUSE = 100;

/** The median of some calls in a row, the first of them not counted, as it finds other weights in the caches. */
export async function measure(run: () => Promise<readonly Float32Array[]>): Promise<Measured> {
  await new Promise((resolve) => setTimeout(resolve, PAUSE));
  let vectors: readonly Float32Array[] = [];
  const once = async () => {
    const start = performance.now();
    vectors = await run();
    return performance.now() - start;
  };
  const first = await once();
  if (first > LONG) return { milliseconds: first, vectors };
  const times: number[] = [];
  for (let total = 0; total < ENOUGH && times.length < MOST_CALLS; ) {
    const time = await once();
    times.push(time);
    total += time;
  }
  return { milliseconds: median(times), vectors };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
