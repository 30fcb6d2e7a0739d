// Decides a digit: the bins before the chosen one are taken as a whole, and the chosen one in part. Leaves the counts at zero.
//
// const BINS: u32   values of a digit
//
// One workgroup a query. Each thread adds a run of bins; the first thread then walks over the runs, and over the bins of one. No
// more rows are wanted than take part, so the walk ends at a bin with enough of them.

@group(0) @binding(1) var<storage, read_write> states: array<State>;  // [queries]
@group(0) @binding(2) var<storage, read_write> counts: array<u32>;    // [queries, BINS]

const RUN = BINS / 256u;

var<workgroup> runs: array<u32, 256>;

fn decide(query: u32) {
  var missing = states[query].missing;
  if (missing == 0u) { return; }
  var run = 0u;
  while (run < 255u && runs[run] < missing) {
    missing -= runs[run];
    run++;
  }
  var bin = run * RUN;
  let end = bin + RUN - 1u;
  while (bin < end && counts[query * BINS + bin] < missing) {
    missing -= counts[query * BINS + bin];
    bin++;
  }
  let worse = digit.most - bin;
  if (OF_POSITION) {
    states[query].last -= worse << digit.shift;
  } else {
    states[query].key |= worse << digit.shift;
  }
  states[query].missing = select(missing, 0u, counts[query * BINS + bin] <= missing);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let query = group.x;
  let first = query * BINS + thread * RUN;
  var sum = 0u;
  for (var i = 0u; i < RUN; i++) { sum += counts[first + i]; }
  runs[thread] = sum;
  workgroupBarrier();
  if (thread == 0u) { decide(query); }
  storageBarrier();
  for (var i = 0u; i < RUN; i++) { counts[first + i] = 0u; }
}
