// pmin and pmax are one instruction each; min and max take several, for the sake of signed zeros and NaN.

/** c + a·b: one rounding with relaxed SIMD, two without. Every sum of a build is made in the same one of these ways. */
// @ts-expect-error: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(a, b, c) : f32x4.add(c, f32x4.mul(a, b));
}

/** The sum of four lanes, always in this order. */
// @ts-expect-error: decorator
@inline
export function sumOf(x: v128): f32 {
  return f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3));
}

// @ts-expect-error: decorator
@inline
export function maxOf(x: v128): f32 {
  return max(
    max(f32x4.extract_lane(x, 0), f32x4.extract_lane(x, 1)),
    max(f32x4.extract_lane(x, 2), f32x4.extract_lane(x, 3)),
  );
}

/**
 * The error function as a quotient of polynomials of the fifth degree in x², fitted to ±3.925, beyond which it is ±1 in
 * float32. Its error there is below 3.6e-7.
 */
// @ts-expect-error: decorator
@inline
function erf(x: v128): v128 {
  const limit = f32x4.splat(3.925);
  const z = f32x4.pmin(f32x4.pmax(x, f32x4.splat(-3.925)), limit);
  const t = f32x4.mul(z, z);
  let p = f32x4.splat(2.0560789835144533e-6);
  p = madd(p, t, f32x4.splat(2.841231762431562e-4));
  p = madd(p, t, f32x4.splat(3.7314435467123985e-3));
  p = madd(p, t, f32x4.splat(5.2642110735177994e-2));
  p = madd(p, t, f32x4.splat(0.18960799276828766));
  p = madd(p, t, f32x4.splat(1.1283791065216064));
  let q = f32x4.splat(3.811470014625229e-5);
  q = madd(q, t, f32x4.splat(1.154294004663825e-3));
  q = madd(q, t, f32x4.splat(1.490034256130457e-2));
  q = madd(q, t, f32x4.splat(0.11377821117639542));
  q = madd(q, t, f32x4.splat(0.5013685822486877));
  q = madd(q, t, f32x4.splat(1));
  return f32x4.div(f32x4.mul(z, p), q);
}

/** GELU in its exact form, x·Φ(x). */
// @ts-expect-error: decorator
@inline
export function gelu(x: v128): v128 {
  const half = f32x4.mul(x, f32x4.splat(0.5));
  return madd(half, erf(f32x4.mul(x, f32x4.splat(0.7071067811865476))), half);
}
