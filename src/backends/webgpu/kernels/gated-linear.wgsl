// With [up | gate] = x·Wᵀ + b:  y = up · GELU(gate).
//
// const INNER: u32     features of x, in vec4s
// const OUTPUTS: u32   features of y, in vec4s; W has twice as many rows, up first
//
// The tile of linear.wgsl, but each thread makes 2 rows × 4 outputs of up and of gate, so that the product twice as
// wide as y is never in memory. A workgroup makes 16 rows × 32 outputs.

struct Params { rows: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_index) thread: u32) {
  let output = tile.x * 8u + (thread & 7u);
  let row = (tile.y * 8u + (thread >> 3u)) * 2u;
  if (output >= OUTPUTS || row >= params.rows) { return; }

  let last = params.rows - 1u;
  let x0 = row * INNER;
  let x1 = min(row + 1u, last) * INNER;
  let u = output * 4u * INNER;
  let g = u + OUTPUTS * 4u * INNER;

  var up0 = vec4f();
  var up1 = vec4f();
  var gate0 = vec4f();
  var gate1 = vec4f();
  for (var k = 0u; k < INNER; k++) {
    let a0 = x[x0 + k];
    let a1 = x[x1 + k];
    let u0 = weight[u + k];
    let u1 = weight[u + INNER + k];
    let u2 = weight[u + 2u * INNER + k];
    let u3 = weight[u + 3u * INNER + k];
    let g0 = weight[g + k];
    let g1 = weight[g + INNER + k];
    let g2 = weight[g + 2u * INNER + k];
    let g3 = weight[g + 3u * INNER + k];
    up0 += vec4f(dot(a0, u0), dot(a0, u1), dot(a0, u2), dot(a0, u3));
    up1 += vec4f(dot(a1, u0), dot(a1, u1), dot(a1, u2), dot(a1, u3));
    gate0 += vec4f(dot(a0, g0), dot(a0, g1), dot(a0, g2), dot(a0, g3));
    gate1 += vec4f(dot(a1, g0), dot(a1, g1), dot(a1, g2), dot(a1, g3));
  }

  let upBias = bias[output];
  let gateBias = bias[OUTPUTS + output];
  let at = row * OUTPUTS + output;
  y[at] = (up0 + upBias) * gelu(gate0 + gateBias);
  if (row + 1u <= last) { y[at + OUTPUTS] = (up1 + upBias) * gelu(gate1 + gateBias); }
}
