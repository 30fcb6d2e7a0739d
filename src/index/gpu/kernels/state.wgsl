// What the steps of the selection have in common; selection.ts draws them.
//
// const OF_POSITION: bool   whether the digit is one of the positions, for rows of equal keys; else of the keys

struct Digit {
  positions: u32,  // keys of a query
  shift: u32,      // bits below the digit
  most: u32,       // its largest value: all of its bits
  decided: u32,    // the bits above it
}

struct State {
  key: u32,      // the smallest key that is taken, as far as it is decided; 0 below
  last: u32,     // the largest position that is taken of rows with this key, as far as it is decided; ones below
  missing: u32,  // rows still to be taken of those that agree with `key` and `last` so far; 0 when all is decided
  unused: u32,
}

@group(0) @binding(0) var<uniform> digit: Digit;
