// The same as linear.wgsl, by way of workgroup memory: for GPUs that have it beside their registers.
//
// const ROWS, COLUMNS: u32   rows, and vec4s of outputs, of a thread
// const HALVES: u32          2 where W has a gate, whose outputs lie behind the others
// const GELU: bool
//
// 64 threads make a tile of 8·ROWS rows by 32·COLUMNS outputs, sixteen features of x at a time:
//
//                             8·COLUMNS vec4s
//                           ┌───────────────┐
//                           │ w       16    │
//        4 vec4s            └───────────────┘
//      ┌────┐  8·ROWS       ┌───────────────┐
//      │ x  │               │ y             │   thread (i, j) has the rows i, i + 8, … and the vec4s j, j + 8, …
//      └────┘               └───────────────┘
//
// Beyond the end of x the tiles hold zeros, which change no sum.

struct Params {
  rows: u32,
  inner: u32,    // features of x, in vec4s
  outputs: u32,  // features of y, in vec4s
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;

const DEPTH = 4u;  // vec4s of features in a tile

// Rows are one vec4 longer than they need to be, so that threads of a column read from different banks.
var<workgroup> xTile: array<vec4f, 8 * ROWS * (DEPTH + 1)>;
var<workgroup> wTile: array<vec4f, 4 * DEPTH * 8 * COLUMNS * HALVES>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_index) thread: u32) {
  let j = thread & 7u;
  let i = thread >> 3u;
  let firstOutput = tile.x * 8u * COLUMNS;
  let firstRow = tile.y * 8u * ROWS;
  let stride = HALVES * params.outputs;
  let last = params.outputs - 1u;
  let width = 8u * COLUMNS * HALVES;

  var sums: array<array<array<vec4f, HALVES>, COLUMNS>, ROWS>;
  for (var first = 0u; first < params.inner; first += DEPTH) {
    for (var part = thread; part < 8u * ROWS * DEPTH; part += 64u) {
      let row = part / DEPTH;
      let k = part % DEPTH;
      let inside = first + k < params.inner;
      let at = min(firstRow + row, params.rows - 1u) * params.inner + min(first + k, params.inner - 1u);
      xTile[row * (DEPTH + 1u) + k] = select(vec4f(), x[at], inside);
    }
    for (var part = thread; part < DEPTH * width; part += 64u) {
      let k = part / width;
      let column = part % width;
      let half = column / (8u * COLUMNS);
      let output = min(firstOutput + column % (8u * COLUMNS), last) + half * params.outputs;
      // Past the end the last weights stand in: they meet zeros.
      let w = weights(4u * min(first + k, params.inner - 1u), output, stride);
      let to = 4u * k * width + column;
      wTile[to] = w[0];
      wTile[to + width] = w[1];
      wTile[to + 2u * width] = w[2];
      wTile[to + 3u * width] = w[3];
    }
    workgroupBarrier();

    for (var k = 0u; k < DEPTH; k++) {
      var a: array<vec4f, ROWS>;
      for (var r = 0u; r < ROWS; r++) {
        a[r] = xTile[(r * 8u + i) * (DEPTH + 1u) + k];
      }
      for (var c = 0u; c < COLUMNS; c++) {
        for (var h = 0u; h < HALVES; h++) {
          let source = 4u * k * width + h * 8u * COLUMNS + c * 8u + j;
          let w0 = wTile[source];
          let w1 = wTile[source + width];
          let w2 = wTile[source + 2u * width];
          let w3 = wTile[source + 3u * width];
          for (var r = 0u; r < ROWS; r++) {
            sums[r][c][h] = fma(vec4f(a[r].x), w0, sums[r][c][h]);
            sums[r][c][h] = fma(vec4f(a[r].y), w1, sums[r][c][h]);
            sums[r][c][h] = fma(vec4f(a[r].z), w2, sums[r][c][h]);
            sums[r][c][h] = fma(vec4f(a[r].w), w3, sums[r][c][h]);
          }
        }
      }
    }
    workgroupBarrier();
  }

  for (var c = 0u; c < COLUMNS; c++) {
    let o = firstOutput + c * 8u + j;
    if (o <= last) {
      for (var r = 0u; r < ROWS; r++) {
        let row = firstRow + r * 8u + i;
        if (row < params.rows) {
          var value: array<vec4f, HALVES>;
          for (var h = 0u; h < HALVES; h++) {
            value[h] = sums[r][c][h] + bias[o + h * params.outputs];
          }
          y[row * params.outputs + o] = finish(value[0u], value[HALVES - 1u]);
        }
      }
    }
  }
}
