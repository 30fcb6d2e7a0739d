/**
 * The median of some calls in a row; a short one is repeated until it has taken long enough to be measured.
 *
 * @returns milliseconds, and the vectors of the first texts.
 */
export async function measure(run) {
  // Threads of the engine before may still be awake, and weights are not in the caches any more.
  await new Promise((resolve) => setTimeout(resolve, 100));
  let vectors;
  const times = [];
  const once = async () => {
    const start = performance.now();
    vectors = await run();
    return performance.now() - start;
  };
  const first = await once();
  // What takes long is not much longer for cold caches.
  if (first > 300) times.push(first);
  else for (let total = 0; total < 60 && times.length < 9; total += times.at(-1)) times.push(await once());
  times.sort((a, b) => a - b);
  return {
    milliseconds: times[times.length >> 1],
    vectors: vectors.slice(0, 4).map((vector) => Array.from(vector)),
  };
}
