// softmax(q·Kᵀ / √headSize)·V within each text of a packed batch, every token seeing every other.
//
// const HEADS: u32
// const BLOCKS: u32   features of a head, in blocks of 16: 2 or 4
// const SCALE: f32    1 / √headSize
// const LANES: u32    4, the keys of a step
//
// One thread answers one query of one head. It walks over the keys of its text four at a time with a running
// maximum m, a running sum of weights l and a running weighted sum of values o (online softmax, Milakov &
// Gimelshein 2018), so no matrix of scores is ever in memory:
//
//       m' = max(m, scores)      c = exp(m − m')      p = exp(scores − m')
//       l  = l·c + Σp            o = o·c + p·V                                      answer: o / l
//
// Sixteen features travel as one mat4x4f: a head is two or four of them, by name, as registers have no index.

struct Params {
  queries: u32,  // how many ask in all
  first: u32,    // the first of this dispatch
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rows: array<u32>;     // [queries] the row that asks
@group(0) @binding(2) var<storage, read> spans: array<vec2u>;  // [tokens] first and end row of the token's text
@group(0) @binding(3) var<storage, read> qkv: array<mat4x4f>;
@group(0) @binding(4) var<storage, read_write> context: array<mat4x4f>;

const WIDE = BLOCKS == 4u;
const HIDDEN = HEADS * BLOCKS;
const MASKED = -1e30;

fn dot16(a: mat4x4f, b: mat4x4f) -> f32 {
  return dot(a[0], b[0]) + dot(a[1], b[1]) + dot(a[2], b[2]) + dot(a[3], b[3]);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let query = params.first + group.x * 64u + thread;
  let head = group.y;
  if (query >= params.queries) { return; }
  let row = rows[query];
  let span = spans[row];

  let q = row * 3u * HIDDEN + head * BLOCKS;
  let q0 = qkv[q] * SCALE;
  let q1 = qkv[q + 1u] * SCALE;
  var q2 = mat4x4f();
  var q3 = mat4x4f();
  if (WIDE) {
    q2 = qkv[q + 2u] * SCALE;
    q3 = qkv[q + 3u] * SCALE;
  }

  var highest = MASKED;
  var total = 0.0;
  var o0 = mat4x4f();
  var o1 = mat4x4f();
  var o2 = mat4x4f();
  var o3 = mat4x4f();
  for (var key = span.x; key < span.y; key += 4u) {
    var scores = vec4f(MASKED);
    for (var j = 0u; j < LANES; j++) {
      if (key + j < span.y) {
        let k = (key + j) * 3u * HIDDEN + HIDDEN + head * BLOCKS;
        var score = dot16(q0, qkv[k]) + dot16(q1, qkv[k + 1u]);
        if (WIDE) { score += dot16(q2, qkv[k + 2u]) + dot16(q3, qkv[k + 3u]); }
        scores[j] = score;
      }
    }

    let above = max(highest, max(max(scores.x, scores.y), max(scores.z, scores.w)));
    let keep = exp(highest - above);
    let weights = exp(scores - above);
    highest = above;
    total = fma(total, keep, dot(weights, vec4f(1.0)));
    o0 *= keep;
    o1 *= keep;
    if (WIDE) {
      o2 *= keep;
      o3 *= keep;
    }
    for (var j = 0u; j < LANES; j++) {
      if (key + j < span.y) {
        let v = (key + j) * 3u * HIDDEN + 2u * HIDDEN + head * BLOCKS;
        o0 += weights[j] * qkv[v];
        o1 += weights[j] * qkv[v + 1u];
        if (WIDE) {
          o2 += weights[j] * qkv[v + 2u];
          o3 += weights[j] * qkv[v + 3u];
        }
      }
    }
  }

  let at = row * HIDDEN + head * BLOCKS;
  let share = 1.0 / total;
  context[at] = o0 * share;
  context[at + 1u] = o1 * share;
  if (WIDE) {
    context[at + 2u] = o2 * share;
    context[at + 3u] = o3 * share;
  }
}
