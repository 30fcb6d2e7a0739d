// stream = LayerNorm(stream), or LayerNorm(stream + added): the end of every sublayer of a post-norm encoder.
//
// const COLUMNS: u32   features of a row, in vec4s
// const ADDED: bool    whether there is something to add; if not, `added` is bound to any other buffer
//
// One workgroup of 64 threads a row. Mean first, then the mean square of what is left: the one-pass formula
// E[x²] − E[x]² loses all digits where one channel is far from the rest, and trained encoders have such channels.

struct Params { epsilon: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> added: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> stream: array<vec4f>;

var<workgroup> partial: array<f32, 64>;

// Sum over the workgroup, as a tree.
fn total(value: f32, thread: u32) -> f32 {
  partial[thread] = value;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half >>= 1u) {
    if (thread < half) { partial[thread] += partial[thread + half]; }
    workgroupBarrier();
  }
  let sum = partial[0];
  workgroupBarrier();
  return sum;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let at = group.x * COLUMNS;

  var sum = 0.0;
  for (var i = thread; i < COLUMNS; i += 64u) {
    if (ADDED) { stream[at + i] += added[at + i]; }
    sum += dot(stream[at + i], vec4f(1.0));
  }
  let mean = total(sum, thread) / f32(COLUMNS * 4u);

  var squares = 0.0;
  for (var i = thread; i < COLUMNS; i += 64u) {
    let centred = stream[at + i] - mean;
    squares += dot(centred, centred);
  }
  let variance = total(squares, thread) / f32(COLUMNS * 4u);

  let scale = 1.0 / sqrt(variance + params.epsilon);
  for (var i = thread; i < COLUMNS; i += 64u) {
    stream[at + i] = (stream[at + i] - mean) * scale * weight[i] + bias[i];
  }
}
