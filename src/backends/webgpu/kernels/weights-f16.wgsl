// Weights in float16, multiplied in float32.

@group(0) @binding(4) var<storage, read> weight: array<vec4h>;  // [inner, outputs / 4]

// W for four features from `feature` on (a column each), and the four outputs of vec4 `output` of a row of `stride` vec4s.
fn weights(feature: u32, output: u32, stride: u32) -> mat4x4f {
  let at = feature * stride + output;
  return mat4x4f(
    vec4f(weight[at]),
    vec4f(weight[at + stride]),
    vec4f(weight[at + 2u * stride]),
    vec4f(weight[at + 3u * stride]),
  );
}
