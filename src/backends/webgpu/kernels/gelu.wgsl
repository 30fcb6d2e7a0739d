// GELU in its exact form, x·Φ(x). WGSL has no erf: Abramowitz & Stegun 7.1.26, whose error is below 1.5e-7.
fn erf(x: vec4f) -> vec4f {
  let size = abs(x);
  let t = 1.0 / (1.0 + 0.3275911 * size);
  let poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(x) * (1.0 - poly * exp(-size * size));
}

fn gelu(x: vec4f) -> vec4f {
  return 0.5 * x * (1.0 + erf(x * 0.70710678118));
}
