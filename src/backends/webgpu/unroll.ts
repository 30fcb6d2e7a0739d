/**
 * Writes out the short loops of a kernel, so that its small arrays become registers with names.
 *
 * A tile of sums is an array in WGSL, `sums[r][c]`, and loops walk over it. Most drivers unroll such loops and keep the array in registers;
 * those that do not keep it in memory, and are five times slower (SwiftShader: 0.5 and 2.5 GFLOP/s). Here no driver is asked:
 *
 *     var sums: array<vec4f, ROWS>;                       var sums_0 = vec4f(); var sums_1 = vec4f();
 *     for (var r = 0u; r < ROWS; r++) {           →       { sums_0 += x[0u]; }
 *       sums[r] += x[r];                                  { sums_1 += x[1u]; }
 *     }
 *
 * Files stay valid WGSL. Loops are written out whose bound is a constant named in `sizes`, arrays whose lengths are.
 *
 * @param sizes - constants by name; loops up to others stay loops.
 */
export function unroll(code: string, sizes: Readonly<Record<string, number>>): string {
  const names = new Set<string>();
  const declared = code.replace(
    ARRAY,
    (whole, name: string, opening: string, type: string, closing: string) => {
      const lengths = [...closing.matchAll(/, (\w+)>/g)].map(([, size]) => sizes[size]).reverse();
      if (lengths.some((length) => length === undefined)) return whole;
      if (lengths.length !== opening.length / 'array<'.length) throw new Error(`Unbalanced: ${whole}`);
      names.add(name);
      return places(lengths)
        .map((place) => `var ${[name, ...place].join('_')} = ${type}();`)
        .join(' ');
    },
  );
  const flat = unrollLoops(declared, sizes).replace(LAST, (whole, name: string) =>
    name in sizes ? `[${sizes[name] - 1}u]` : whole,
  );
  return flat.replace(ELEMENT, (whole, name: string, indices: string) => {
    if (!names.has(name)) return whole;
    return [name, ...[...indices.matchAll(/\[(\d+)u\]/g)].map(([, index]) => index)].join('_');
  });
}

/** `var sums: array<array<vec4f, COLUMNS>, ROWS>;` */
const ARRAY = /var (\w+): ((?:array<)+)(\w+)((?:, \w+>)+);/g;
/** `sums[1u][0u]` */
const ELEMENT = /\b(\w+)((?:\[\d+u\])+)/g;
/** `[ROWS - 1u]` */
const LAST = /\[(\w+) - 1u\]/g;
/** `for (var r = 0u; r < ROWS; r++) {` */
const LOOP = /for \(var (\w+) = 0u; \1 < (\w+); \1\+\+\) \{/g;

function unrollLoops(code: string, sizes: Readonly<Record<string, number>>): string {
  for (const match of code.matchAll(LOOP)) {
    const [head, index, bound] = match;
    const size = sizes[bound];
    if (size === undefined) continue;
    const start = match.index + head.length;
    const end = closingBrace(code, start);
    const body = code.slice(start, end);
    const variable = new RegExp(`\\b${index}\\b`, 'g');
    const copies = Array.from({ length: size }, (_, i) => `{${body.replace(variable, `${i}u`)}}`);
    // What comes before has no such loop; the copies may have more of them.
    return code.slice(0, match.index) + unrollLoops(copies.join('\n') + code.slice(end + 1), sizes);
  }
  return code;
}

/** Where the block ends whose inside begins at `start`. */
function closingBrace(code: string, start: number): number {
  let depth = 1;
  for (let at = start; at < code.length; at++) {
    if (code[at] === '{') depth++;
    else if (code[at] === '}' && --depth === 0) return at;
  }
  throw new Error('A loop of a kernel does not end.');
}

/** All places in an array of these lengths: `[0, 0], [0, 1], …` */
function places([length, ...rest]: readonly number[]): number[][] {
  if (length === undefined) return [[]];
  const inner = places(rest);
  return Array.from({ length }, (_, i) => inner.map((place) => [i, ...place])).flat();
}
