// GELU in its exact form, x·Φ(x). WGSL has no erf: Abramowitz & Stegun 7.1.26, whose error is below 1.5e-7.
fn erf(x: vec4f) -> vec4f {
  let size = abs(x);
  let t = 1.0 / fma(vec4f(0.3275911), size, vec4f(1.0));
  var poly = fma(vec4f(1.061405429), t, vec4f(-1.453152027));
  poly = fma(poly, t, vec4f(1.421413741));
  poly = fma(poly, t, vec4f(-0.284496736));
  poly = fma(poly, t, vec4f(0.254829592)) * t;
  return sign(x) * fma(-poly, exp(-size * size), vec4f(1.0));
}

fn gelu(x: vec4f) -> vec4f {
  return 0.5 * x * (1.0 + erf(x * 0.70710678118));
}
