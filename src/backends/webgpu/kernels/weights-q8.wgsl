// Weights in 8 bits, four outputs to a word, with a scale for each output and block of features.
//
// const BLOCK: u32   features of a block

@group(0) @binding(4) var<storage, read> weight: array<u32>;    // [inner, outputs / 4]
@group(0) @binding(5) var<storage, read> scales: array<vec4f>;  // [blocks, outputs / 4]

// Four signed bytes, the lowest first.
fn bytes(word: u32) -> vec4f {
  return vec4f(vec4i(vec4u(word) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u));
}

// W for four features from `feature` on (a column each), and the four outputs of vec4 `output` of a row of `stride` vec4s.
fn weights(feature: u32, output: u32, stride: u32) -> mat4x4f {
  let at = feature * stride + output;
  let scale = scales[feature / BLOCK * stride + output];
  return mat4x4f(
    bytes(weight[at]) * scale,
    bytes(weight[at + stride]) * scale,
    bytes(weight[at + 2u * stride]) * scale,
    bytes(weight[at + 3u * stride]) * scale,
  );
}
