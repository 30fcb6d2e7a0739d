import { ROW_CLASSES, TILES } from './tiles.ts';
import type { Choices } from './tuning.ts';

/** Where choices are kept between visits: the origin's cache storage. */
const CACHE = 'sterna-tiles';

/** What was measured in this thread, by key. */
const known = new Map<string, Choices>();

/** What was chosen for this key before, in this thread or in an earlier visit; nothing where that is not known or not legible. */
export async function recallChoices(key: string): Promise<Choices | undefined> {
  const here = known.get(key);
  if (here) return here;
  try {
    const response = await (await caches.open(CACHE)).match(addressOf(key));
    if (!response) return undefined;
    const [tiledAttention, ...numbers] = (await response.json()) as [boolean, ...number[]];
    const tiles = numbers.map((number) => TILES[number]);
    if (tiles.length !== ROW_CLASSES.length || tiles.includes(undefined as never)) return undefined;
    return { tiles, tiledAttention };
  } catch {
    // Nothing there, no cache storage here (Node, an insecure context, a private window), or something else under this key.
    return undefined;
  }
}

/** Keeps what was measured. Where nothing can be kept, the next visit measures again. */
export async function rememberChoices(key: string, choices: Choices): Promise<void> {
  known.set(key, choices);
  try {
    const words = [choices.tiledAttention, ...choices.tiles.map((tile) => TILES.indexOf(tile))];
    await (await caches.open(CACHE)).put(addressOf(key), new Response(JSON.stringify(words)));
  } catch {
    // As above.
  }
}

/** Cache storage has addresses for keys; this one leads nowhere. */
function addressOf(key: string): string {
  return `https://sterna.invalid/tiles?${encodeURIComponent(key)}`;
}
