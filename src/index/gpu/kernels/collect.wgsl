// Writes the rows that are taken, in any order: as pairs that are numbers of 64 bits to the processor, the larger the better.
//
// const SPAN: u32   keys of a workgroup

struct Wanted {
  positions: u32,   // keys of a query
  candidates: u32,  // rows that a query wants
}

struct State { key: u32, last: u32, missing: u32, unused: u32 }

@group(0) @binding(0) var<uniform> wanted: Wanted;
@group(0) @binding(1) var<storage, read> keys: array<u32>;                 // [queries, positions]
@group(0) @binding(2) var<storage, read> states: array<State>;             // [queries]
@group(0) @binding(3) var<storage, read_write> taken: array<atomic<u32>>;  // [queries]
@group(0) @binding(4) var<storage, read_write> found: array<vec2u>;        // [queries, candidates]

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let query = group.y;
  let state = states[query];
  let end = min((group.x + 1u) * SPAN, wanted.positions);
  for (var at = group.x * SPAN + thread; at < end; at += 256u) {
    let key = keys[query * wanted.positions + at];
    if (key != 0u && (key > state.key || (key == state.key && at <= state.last))) {
      let slot = atomicAdd(&taken[query], 1u);
      if (slot < wanted.candidates) { found[query * wanted.candidates + slot] = vec2u(~at, key); }
    }
  }
}
