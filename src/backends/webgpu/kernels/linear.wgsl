// y = x·Wᵀ + b, and GELU of it where asked; or, with [up | gate] = x·Wᵀ + b, y = up · GELU(gate).
//
// const ROWS, COLUMNS: u32   rows, and vec4s of outputs, of a thread
// const HALVES: u32          2 where W has a gate, whose outputs lie behind the others
// const GELU: bool
//
// Each of 64 threads keeps a tile of sums in registers and reads x and W as it goes, from caches at best:
//
//                        w of four outputs, COLUMNS times
//                      ┌───────────┬───────────┐
//     x[row 0][k]  ×   │ sums[0][0]│ sums[0][1]│     for k = 0, 1, 2, …: sum = fma(x, w, sum)
//     x[row 1][k]  ×   │ sums[1][0]│ sums[1][1]│
//     …                └───────────┴───────────┘
//
// Rows past the end read the last row and are not stored. Every sum runs over k in this one order, one fma each, here and in
// linear-tiled.wgsl, so a row has the same numbers in any company and any tile.

struct Params {
  rows: u32,
  inner: u32,    // features of x, in vec4s
  outputs: u32,  // features of y, in vec4s
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_index) thread: u32) {
  let output = tile.x * 8u * COLUMNS + (thread & 7u);
  let row = (tile.y * 8u + (thread >> 3u)) * ROWS;
  if (output >= params.outputs || row >= params.rows) { return; }
  let stride = HALVES * params.outputs;
  let last = params.outputs - 1u;

  var at: array<u32, ROWS>;
  for (var r = 0u; r < ROWS; r++) {
    at[r] = min(row + r, params.rows - 1u) * params.inner;
  }
  var sums: array<array<array<vec4f, HALVES>, COLUMNS>, ROWS>;
  for (var k = 0u; k < params.inner; k++) {
    var a: array<vec4f, ROWS>;
    for (var r = 0u; r < ROWS; r++) {
      a[r] = x[at[r] + k];
    }
    for (var c = 0u; c < COLUMNS; c++) {
      for (var h = 0u; h < HALVES; h++) {
        let w = weights(4u * k, min(output + c * 8u, last) + h * params.outputs, stride);
        for (var r = 0u; r < ROWS; r++) {
          sums[r][c][h] = fma(vec4f(a[r].x), w[0], sums[r][c][h]);
          sums[r][c][h] = fma(vec4f(a[r].y), w[1], sums[r][c][h]);
          sums[r][c][h] = fma(vec4f(a[r].z), w[2], sums[r][c][h]);
          sums[r][c][h] = fma(vec4f(a[r].w), w[3], sums[r][c][h]);
        }
      }
    }
  }

  for (var c = 0u; c < COLUMNS; c++) {
    let o = output + c * 8u;
    if (o <= last) {
      for (var r = 0u; r < ROWS; r++) {
        if (row + r < params.rows) {
          var value: array<vec4f, HALVES>;
          for (var h = 0u; h < HALVES; h++) {
            value[h] = sums[r][c][h] + bias[o + h * params.outputs];
          }
          y[(row + r) * params.outputs + o] = finish(value[0u], value[HALVES - 1u]);
        }
      }
    }
  }
}
