// out[i] = x[rows[i]]: the first row of each text, from which the last layer goes on.
//
// const COLUMNS: u32   features of a row, in vec4s

@group(0) @binding(0) var<storage, read> rows: array<u32>;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let column = group.x * 64u + thread;
  if (column >= COLUMNS) { return; }
  out[group.y * COLUMNS + column] = x[rows[group.y] * COLUMNS + column];
}
