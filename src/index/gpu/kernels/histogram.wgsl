// Counts how often each value of a digit occurs among the rows that agree with what is decided. Bin 0 is the best value.
//
// const SPAN: u32   keys of a workgroup
// const BINS: u32   values of a digit

@group(0) @binding(1) var<storage, read> keys: array<u32>;               // [queries, positions]
@group(0) @binding(2) var<storage, read> states: array<State>;           // [queries]
@group(0) @binding(3) var<storage, read_write> counts: array<atomic<u32>>;  // [queries, BINS]

var<workgroup> bins: array<atomic<u32>, BINS>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let query = group.y;
  let state = states[query];
  if (state.missing == 0u) { return; }

  let end = min((group.x + 1u) * SPAN, digit.positions);
  for (var at = group.x * SPAN + thread; at < end; at += 256u) {
    let key = keys[query * digit.positions + at];
    if (key == 0u) { continue; }
    if (OF_POSITION) {
      if (key == state.key && ((at ^ state.last) & digit.decided) == 0u) {
        atomicAdd(&bins[(at >> digit.shift) & digit.most], 1u);
      }
    } else if (((key ^ state.key) & digit.decided) == 0u) {
      atomicAdd(&bins[digit.most - ((key >> digit.shift) & digit.most)], 1u);
    }
  }
  workgroupBarrier();

  for (var bin = thread; bin < BINS; bin += 256u) {
    let count = atomicLoad(&bins[bin]);
    if (count != 0u) { atomicAdd(&counts[query * BINS + bin], count); }
  }
}
