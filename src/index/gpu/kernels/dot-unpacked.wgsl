// Four signed bytes, the lowest first.
fn bytes(word: u32) -> vec4i {
  return vec4i(vec4u(word) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u);
}

// Σ of four products of signed bytes.
fn dot4(a: u32, b: u32) -> i32 {
  return dot(bytes(a), bytes(b));
}
