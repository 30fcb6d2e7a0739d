// Weights in 4 bits, four outputs of two features to a word, with a scale for each output and block of features.
//
// const BLOCK: u32   features of a block

@group(0) @binding(4) var<storage, read> weight: array<u32>;    // [inner / 2, outputs / 4]
@group(0) @binding(5) var<storage, read> scales: array<vec4f>;  // [blocks, outputs / 4]

// Four signed halves of bytes: the lower half of each is the first feature's, the upper one the second's.
fn halves(word: u32, first: u32) -> vec4f {
  return vec4f(vec4i(vec4u(word) << (vec4u(28u, 20u, 12u, 4u) - first)) >> vec4u(28u));
}

// W for four features from `feature` on (a column each), and the four outputs of vec4 `output` of a row of `stride` vec4s.
fn weights(feature: u32, output: u32, stride: u32) -> mat4x4f {
  let at = feature / 2u * stride + output;
  let scale = scales[feature / BLOCK * stride + output];
  let low = weight[at];
  let high = weight[at + stride];
  return mat4x4f(halves(low, 0u) * scale, halves(low, 4u) * scale, halves(high, 0u) * scale, halves(high, 4u) * scale);
}
