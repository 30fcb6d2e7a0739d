// y = x·Wᵀ + b, and GELU of it where asked.
//
// const INNER: u32     features of x, in vec4s
// const OUTPUTS: u32   features of y, in vec4s
// const GELU: bool
//
// A workgroup of 64 threads makes a tile of 32 rows × 32 outputs, each thread 4 rows × 4 outputs in registers:
//
//                     w0     w1     w2     w3     four rows of W, four features at a time
//       a0 (row)    [ sum0.x sum0.y sum0.z sum0.w ]
//       a1 (row+1)  [ sum1.x …                    ]
//       a2 (row+2)  [ sum2.x …                    ]
//       a3 (row+3)  [ sum3.x …                    ]
//
// Each step of k loads 8 vec4s for 64 multiply-adds. Rows past the end read the last row and are not stored. A row's
// sums run over k in one fixed order, so they do not depend on the rows beside it.

struct Params { rows: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;

fn finish(sum: vec4f, output: u32) -> vec4f {
  let value = sum + bias[output];
  if (GELU) { return gelu(value); }
  return value;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_index) thread: u32) {
  let output = tile.x * 8u + (thread & 7u);
  let row = (tile.y * 8u + (thread >> 3u)) * 4u;
  if (output >= OUTPUTS || row >= params.rows) { return; }

  let last = params.rows - 1u;
  let x0 = row * INNER;
  let x1 = min(row + 1u, last) * INNER;
  let x2 = min(row + 2u, last) * INNER;
  let x3 = min(row + 3u, last) * INNER;
  let w = output * 4u * INNER;

  var sum0 = vec4f();
  var sum1 = vec4f();
  var sum2 = vec4f();
  var sum3 = vec4f();
  for (var k = 0u; k < INNER; k++) {
    let a0 = x[x0 + k];
    let a1 = x[x1 + k];
    let a2 = x[x2 + k];
    let a3 = x[x3 + k];
    let w0 = weight[w + k];
    let w1 = weight[w + INNER + k];
    let w2 = weight[w + 2u * INNER + k];
    let w3 = weight[w + 3u * INNER + k];
    sum0 += vec4f(dot(a0, w0), dot(a0, w1), dot(a0, w2), dot(a0, w3));
    sum1 += vec4f(dot(a1, w0), dot(a1, w1), dot(a1, w2), dot(a1, w3));
    sum2 += vec4f(dot(a2, w0), dot(a2, w1), dot(a2, w2), dot(a2, w3));
    sum3 += vec4f(dot(a3, w0), dot(a3, w1), dot(a3, w2), dot(a3, w3));
  }

  let at = row * OUTPUTS + output;
  y[at] = finish(sum0, output);
  if (row + 1u <= last) { y[at + OUTPUTS] = finish(sum1, output); }
  if (row + 2u <= last) { y[at + 2u * OUTPUTS] = finish(sum2, output); }
  if (row + 3u <= last) { y[at + 3u * OUTPUTS] = finish(sum3, output); }
}
