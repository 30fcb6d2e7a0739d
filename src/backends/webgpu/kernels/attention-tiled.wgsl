// The same as attention.wgsl, by way of workgroup memory: for GPUs that have it beside their registers, and texts that fill a
// tile of 64 queries.
//
// const HEADS: u32
// const BLOCKS: u32   features of a head, in blocks of 16: 2 or 4
// const SCALE: f32    1 / √headSize
// const LANES: u32    4, the keys of a step
//
// The 64 queries of a workgroup are of one text and head, so all its threads walk over the same keys, which they fetch together:
//
//                    keys of the text, KEYS at a time ──▶
//      64 queries    ┌────────────┬────────────┬───
//      (a thread     │ kTile      │ next       │        each thread: four scores, then attention.wgsl's step
//       each)        │ vTile      │            │
//                    └────────────┴────────────┴───

struct Params { first: u32 }  // tile of this dispatch

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> tiles: array<vec2u>;   // [tiles] first row of queries, end of its text
@group(0) @binding(2) var<storage, read> spans: array<vec2u>;   // [tokens] first and end row of the token's text
@group(0) @binding(3) var<storage, read> qkv: array<mat4x4f>;
@group(0) @binding(4) var<storage, read_write> context: array<mat4x4f>;

const WIDE = BLOCKS == 4u;
const HIDDEN = HEADS * BLOCKS;
const MASKED = -1e30;
const KEYS = 16u;

var<workgroup> kTile: array<mat4x4f, KEYS * BLOCKS>;
var<workgroup> vTile: array<mat4x4f, KEYS * BLOCKS>;

fn dot16(a: mat4x4f, b: mat4x4f) -> f32 {
  return dot(a[0], b[0]) + dot(a[1], b[1]) + dot(a[2], b[2]) + dot(a[3], b[3]);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let head = group.y;
  let tile = tiles[params.first + group.x];
  let start = spans[tile.x].x;
  let end = tile.y;
  let row = min(tile.x + thread, end - 1u);

  let query = row * 3u * HIDDEN + head * BLOCKS;
  let q0 = qkv[query] * SCALE;
  let q1 = qkv[query + 1u] * SCALE;
  var q2 = mat4x4f();
  var q3 = mat4x4f();
  if (WIDE) {
    q2 = qkv[query + 2u] * SCALE;
    q3 = qkv[query + 3u] * SCALE;
  }

  var highest = MASKED;
  var total = 0.0;
  var o0 = mat4x4f();
  var o1 = mat4x4f();
  var o2 = mat4x4f();
  var o3 = mat4x4f();
  for (var first = start; first < end; first += KEYS) {
    for (var part = thread; part < KEYS * BLOCKS; part += 64u) {
      let key = min(first + part / BLOCKS, end - 1u);
      let at = key * 3u * HIDDEN + HIDDEN + head * BLOCKS;
      kTile[part] = qkv[at + part % BLOCKS];
      vTile[part] = qkv[at + HIDDEN + part % BLOCKS];
    }
    workgroupBarrier();
    for (var key = 0u; key < min(KEYS, end - first); key += 4u) {
      var scores = vec4f(MASKED);
      for (var j = 0u; j < LANES; j++) {
        if (first + key + j < end) {
          let k = (key + j) * BLOCKS;
          var score = dot16(q0, kTile[k]) + dot16(q1, kTile[k + 1u]);
          if (WIDE) { score += dot16(q2, kTile[k + 2u]) + dot16(q3, kTile[k + 3u]); }
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
        if (first + key + j < end) {
          let v = (key + j) * BLOCKS;
          o0 += weights[j] * vTile[v];
          o1 += weights[j] * vTile[v + 1u];
          if (WIDE) {
            o2 += weights[j] * vTile[v + 2u];
            o3 += weights[j] * vTile[v + 3u];
          }
        }
      }
    }
    workgroupBarrier();
  }

  if (tile.x + thread >= end) { return; }
  let at = row * HIDDEN + head * BLOCKS;
  let share = 1.0 / total;
  context[at] = o0 * share;
  context[at + 1u] = o1 * share;
  if (WIDE) {
    context[at + 2u] = o2 * share;
    context[at + 3u] = o3 * share;
  }
}
