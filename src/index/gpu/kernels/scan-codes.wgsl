// keys in the order of factor · Σ query · code, the sum in whole numbers, of a tile of rows for one query.
//
// const NIBBLES: bool   codes of 4 bits, the second half of a plane's dimensions in the high ones; else signed bytes
//
// A query is a vec4 whose first word is what the sum begins with; then for each plane 64 signed bytes, or 128. Codes of 4 bits count twice.

@group(0) @binding(3) var<storage, read> codes: array<vec4u>;
@group(0) @binding(4) var<storage, read> queries: array<vec4u>;

const PLANE_VECTORS = select(4u, 8u, NIBBLES);

var<workgroup> partial: array<vec4i, 64>;

fn dot16(a: vec4u, b: vec4u) -> i32 {
  return dot4(a.x, b.x) + dot4(a.y, b.y) + dot4(a.z, b.z) + dot4(a.w, b.w);
}

fn product(codes: vec4u, low: vec4u, high: vec4u) -> i32 {
  if (!NIBBLES) { return dot16(codes, low); }
  let nibble = vec4u(0x0f0f0f0fu);
  return dot16(codes & nibble, low) + dot16((codes >> vec4u(4u)) & nibble, high);
}

// The factor of a row, a byte behind the planes of its block: the upper bits of a float, less those of 1/64 (row-factor.ts).
fn factorOf(block: u32, row: u32, stride: u32) -> f32 {
  let byte = (block * span.blockVectors + span.allPlanes * stride * 4u) * 16u + row;
  let word = codes[byte >> 4u][(byte >> 2u) & 3u];
  return bitcast<f32>((121u << 23u) + (((word >> ((byte & 3u) * 8u)) & 255u) << 18u));
}

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
  let stride = strideOf(block);
  let quarter = thread & 3u;
  var at = block * span.blockVectors + rowsOf(tile, thread, stride) * 4u + quarter;
  let queryAt = query * span.queryVectors;
  var planeAt = queryAt + 1u + quarter;
  var sums = vec4i();
  for (var plane = 0u; plane < span.planes; plane++) {
    let low = queries[planeAt];
    var high = low;
    if (NIBBLES) { high = queries[planeAt + 4u]; }
    sums += vec4i(
      product(codes[at.x], low, high),
      product(codes[at.y], low, high),
      product(codes[at.z], low, high),
      product(codes[at.w], low, high),
    );
    at += vec4u(stride * 4u);
    planeAt += PLANE_VECTORS;
  }
  partial[thread] = sums;
  workgroupBarrier();

  let lane = (thread & 15u) * 4u;
  let products = partial[lane] + partial[lane + 1u] + partial[lane + 2u] + partial[lane + 3u];
  let sum = bitcast<i32>(queries[queryAt].x) + products[thread >> 4u] * select(1, 2, NIBBLES);
  let inBlock = min(row & 1023u, stride - 1u);
  writeKey(query, row, sortable(f32(sum) * factorOf(block, inBlock, stride)));
}
