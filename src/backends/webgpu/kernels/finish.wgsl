// What becomes of a sum and, where there is one, of its gate.
fn finish(value: vec4f, gate: vec4f) -> vec4f {
  if (HALVES == 2u) { return value * gelu(gate); }
  if (GELU) { return gelu(value); }
  return value;
}
