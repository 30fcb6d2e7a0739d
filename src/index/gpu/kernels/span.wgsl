// What the scans have in common: rows of codes lie in one of the buffers of a column, and every row gets a key.
//
// A key is a whole number that is larger for a better row, and 0 for a row that takes no part. Rows of all buffers of all
// columns are numbered one after another; that number is a row's position.
//
// A tile is 64 rows of a block of 1024, and a workgroup's work. Four threads share a row, each takes every fourth vec4 of it,
// so that neighbouring threads read neighbouring bytes, and each has four rows:
//
//     thread      0  1  2  3    4  5  6  7    …    60 61 62 63
//     rows        0 16 32 48    1 17 33 49    …    15 31 47 63
//     vec4        0  1  2  3    0  1  2  3    …     0  1  2  3

struct Span {
  first: u32,         // position of the first row of the buffer
  rows: u32,          // of the buffer
  planes: u32,        // of a row that take part
  allPlanes: u32,     // of a row
  rowVectors: u32,    // vec4s of a row and plane
  blockVectors: u32,  // vec4s of a block of 1024 rows
  lastStride: u32,    // rows that the last block has room for
  masked: u32,        // whether there is a mask
  maskAt: u32,        // its first word that belongs to the buffer
  positions: u32,     // rows of all buffers: the keys of a query
  queryVectors: u32,  // vec4s of a query
}

@group(0) @binding(0) var<uniform> span: Span;
@group(0) @binding(1) var<storage, read> masks: array<u32>;
@group(0) @binding(2) var<storage, read_write> keys: array<u32>;  // [queries, positions]

// Whether a tile has rows that take part.
fn isWanted(tile: u32) -> bool {
  let word = span.maskAt + 2u * tile;
  return span.masked == 0u || (masks[word] | masks[word + 1u]) != 0u;
}

fn takesPart(row: u32) -> bool {
  return span.masked == 0u || ((masks[span.maskAt + (row >> 5u)] >> (row & 31u)) & 1u) == 1u;
}

fn strideOf(block: u32) -> u32 {
  return select(1024u, span.lastStride, block == (span.rows - 1u) >> 10u);
}

// The four rows of a thread in a block; rows that are not there are replaced by the last one.
fn rowsOf(tile: u32, thread: u32, stride: u32) -> vec4u {
  let first = ((tile & 15u) << 6u) + (thread >> 2u);
  return min(vec4u(first) + vec4u(0u, 16u, 32u, 48u), vec4u(stride - 1u));
}

// The bits of a float, turned so that a larger one has more of them; both zeros are one.
fn sortable(value: f32) -> u32 {
  let bits = select(bitcast<u32>(value), 0u, value == 0.0);
  return select(bits | 0x80000000u, ~bits, bits >> 31u == 1u);
}

fn writeKey(query: u32, row: u32, key: u32) {
  if (row >= span.rows) { return; }
  keys[query * span.positions + span.first + row] = select(0u, key, takesPart(row));
}
