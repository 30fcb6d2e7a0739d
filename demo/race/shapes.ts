/** What the engines embed: token ids, so that tokenizers have no part in it. */
export interface Shape {
  /** As the benches call it, such as `8x128`. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  readonly texts: readonly (readonly number[])[];
  /** Of all texts together, padding not counted. */
  readonly tokens: number;
}

/** The texts of the benches (bench/lib/inputs.mjs), so that results can be laid side by side. */
export const SHAPES: readonly Shape[] = [
  shape('1x16', '1 text of 16 tokens', (text) => [text(16)]),
  shape('8x128', '8 texts of 128 tokens', (text) => times(8, () => text(128))),
  shape('32x64', '32 texts of 64 tokens', (text) => times(32, () => text(64))),
  shape('ragged', '64 texts of 8 to 128 tokens', (text, next) =>
    times(64, () => text(8 + Math.floor(next() * 121))),
  ),
];

type Text = readonly number[];

function shape(
  name: string,
  title: string,
  make: (text: (length: number) => Text, next: () => number) => Text[],
): Shape {
  const next = random(7);
  const texts = make((length) => times(length, () => 5 + Math.floor(next() * 900)), next);
  return { name, title, texts, tokens: texts.reduce((sum, { length }) => sum + length, 0) };
}

/** Seeded numbers in 0 … 1. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x80000000;
  };
}

function times<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}
