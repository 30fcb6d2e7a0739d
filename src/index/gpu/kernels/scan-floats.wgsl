// keys in the order of Σ query · value in float32, of a tile of rows for one query.

@group(0) @binding(3) var<storage, read> values: array<vec4f>;
@group(0) @binding(4) var<storage, read> queries: array<vec4f>;

var<workgroup> partial: array<vec4f, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let query = group.x;
  let tile = group.y;
  let row = tile * 64u + thread;
  if (!isWanted(tile)) {
    writeKey(query, row, 0u);
    return;
  }

  let block = tile >> 4u;
  let at = block * span.blockVectors + rowsOf(tile, thread, strideOf(block)) * span.rowVectors;
  let queryAt = query * span.queryVectors;
  var sums = vec4f();
  for (var v = thread & 3u; v < span.rowVectors; v += 4u) {
    let part = queries[queryAt + v];
    sums += vec4f(
      dot(values[at.x + v], part),
      dot(values[at.y + v], part),
      dot(values[at.z + v], part),
      dot(values[at.w + v], part),
    );
  }
  partial[thread] = sums;
  workgroupBarrier();

  let lane = (thread & 15u) * 4u;
  let sum = (partial[lane] + partial[lane + 1u]) + (partial[lane + 2u] + partial[lane + 3u]);
  writeKey(query, row, sortable(sum[thread >> 4u]));
}
