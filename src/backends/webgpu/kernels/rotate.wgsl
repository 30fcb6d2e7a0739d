// Rotary position embedding of queries and keys, in place: the pair (i, i + headSize/2) turns by position · frequency(i).
//
// const HEADS: u32       query heads (as many key heads lie behind them)
// const HEAD_SIZE: u32   features of a head, in vec4s
//
// One thread turns four pairs of one head of one token.

@group(0) @binding(0) var<storage, read> spans: array<vec2u>;   // [tokens] first and end row of the token's text
@group(0) @binding(1) var<storage, read> angles: array<vec4f>;  // [positions, 2, headSize/2] cosines, then sines
@group(0) @binding(2) var<storage, read_write> qkv: array<vec4f>;

const HALF = HEAD_SIZE / 2u;
const THREADS_PER_TOKEN = 2u * HEADS * HALF;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let token = group.y;
  let part = group.x * 64u + thread;
  if (part >= THREADS_PER_TOKEN) { return; }

  let i = part % HALF;
  let angle = (token - spans[token].x) * HEAD_SIZE + i;
  let cosine = angles[angle];
  let sine = angles[angle + HALF];

  let at = token * 3u * HEADS * HEAD_SIZE + (part / HALF) * HEAD_SIZE + i;
  let a = qkv[at];
  let b = qkv[at + HALF];
  qkv[at] = fma(a, cosine, -(b * sine));
  qkv[at + HALF] = fma(b, cosine, a * sine);
}
