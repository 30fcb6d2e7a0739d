import type { Dispatch } from './commands.ts';
import { BINS, KEYS_OF_GROUP, type Programs } from './programs.ts';
import { bitsOf, KEY_BITS } from './query-codes.ts';

/** Bits of a digit. */
const DIGIT_BITS = Math.log2(BINS);
/** Words of the state of a query. */
export const STATE_WORDS = 4;

/** The buffers of a selection. */
export interface SelectionBuffers {
  /** `[queries, positions]` u32: 0 for a row that takes no part, else the more the better. */
  readonly keys: GPUBuffer;
  /** `[queries, 4]` u32, written with {@link firstStates}. */
  readonly states: GPUBuffer;
  /** `[queries, BINS]` u32: zeros, before and after. */
  readonly counts: GPUBuffer;
  /** `[queries]` u32: zeros before; rows that were taken after. */
  readonly taken: GPUBuffer;
  /** `[queries, candidates, 2]` u32: ~position and key. */
  readonly found: GPUBuffer;
}

/** What is to be selected. */
export interface SelectionSize {
  readonly queries: number;
  /** Rows, and so keys of a query. */
  readonly positions: number;
  /** Rows that are wanted, at most as many as take part. */
  readonly candidates: number;
}

/**
 * The kernel runs that find the best rows of each query by their keys, and among rows of one key those of the smallest positions.
 * Both together are one long number, of which the worst one that is taken is found digit by digit, from the top:
 *
 *     digits     key ▏ 11 bits │ 11 bits │ …  ▏ position ▏ 11 bits │ 11 bits ▏
 *
 *     histogram  rows that agree with the digits so far, by the next one; the best value on the left
 *
 *                █ ▄ ▁   ▂ ▇ █ █ █ …
 *                └── taken ──┘ ↑ the chosen value: with it there are enough. It is the threshold's digit.
 *
 *     choice     missing −= those before it; 0 if the chosen bin is taken as a whole, and then all is decided
 *     …
 *     collect    rows from the threshold on go to `found`, in any order; the processor sorts them
 *
 * Equal keys are rare but where vectors are equal, so the digits of positions mostly have nothing left to do. Nothing depends on
 * the order in which threads run, and any number of equal keys is a case like any other.
 */
export function selectionDispatches(
  programs: Programs,
  { keys, states, counts, taken, found }: SelectionBuffers,
  { queries, positions, candidates }: SelectionSize,
): Dispatch[] {
  const groups = Math.ceil(positions / KEYS_OF_GROUP);
  const digits = (bits: number, count: keyof Programs, choose: keyof Programs): Dispatch[] =>
    digitsOf(bits).flatMap((digit): Dispatch[] => {
      const params = [positions, ...digit];
      return [
        { program: programs[count], params, buffers: [keys, states, counts], workgroups: [groups, queries] },
        { program: programs[choose], params, buffers: [states, counts], workgroups: [queries] },
      ];
    });
  return [
    ...digits(KEY_BITS, 'countKeys', 'chooseKey'),
    ...digits(bitsOf(positions - 1), 'countPositions', 'choosePosition'),
    {
      program: programs.collect,
      params: [positions, candidates],
      buffers: [keys, states, taken, found],
      workgroups: [groups, queries],
    },
  ];
}

/** States from which a selection sets out. */
export function firstStates({ queries, positions, candidates }: SelectionSize): Uint32Array<ArrayBuffer> {
  const states = new Uint32Array(queries * STATE_WORDS);
  // All bits that positions have: the largest one, as nothing is decided.
  const last = 2 ** bitsOf(positions - 1) - 1;
  for (let query = 0; query < queries; query++) states.set([0, last, candidates], query * STATE_WORDS);
  return states;
}

/** Shift, largest value and the bits above, of each digit of a number of some bits, from the top. */
function digitsOf(bits: number): [shift: number, most: number, decided: number][] {
  const digits: [number, number, number][] = [];
  for (let end = bits; end > 0; end -= DIGIT_BITS) {
    const shift = Math.max(end - DIGIT_BITS, 0);
    digits.push([shift, 2 ** (end - shift) - 1, 2 ** bits - 2 ** end]);
  }
  return digits;
}

/** Rows that were found for a query, best first. */
export interface Found {
  readonly positions: Uint32Array;
  readonly keys: Uint32Array;
}

/**
 * Sorts what `found` holds of a query.
 *
 * @param pairs - `[found, 2]`, sorted in place.
 */
export function sortFound(pairs: Uint32Array<ArrayBuffer>): Found {
  const count = pairs.length / 2;
  // A pair is one number of 64 bits, the key above and the position below, which counts down.
  new BigUint64Array(pairs.buffer, pairs.byteOffset, count).sort();
  const positions = new Uint32Array(count);
  const keys = new Uint32Array(count);
  for (let i = 0, at = pairs.length - 2; i < count; i++, at -= 2) {
    positions[i] = ~pairs[at];
    keys[i] = pairs[at + 1];
  }
  return { positions, keys };
}
