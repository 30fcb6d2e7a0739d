/** Bytes of a query before its codes: sums to begin with, and bits of the codes that are turned or what second factors are multiplied by. */
export const QUERY_HEAD: usize = 32;

/** The four sums of four lanes each; with floats in this order always: (0 + 2) + (1 + 3). */
// @ts-ignore: decorator
@inline
export function sums(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
  const cd = i32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7));
  return i32x4.add(v128.shuffle<i32>(ab, cd, 0, 1, 4, 5), v128.shuffle<i32>(ab, cd, 2, 3, 6, 7));
}

// @ts-ignore: decorator
@inline
function floatSums(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<i32>(ab, cd, 0, 1, 4, 5), v128.shuffle<i32>(ab, cd, 2, 3, 6, 7));
}

/** 16 products, of which each four are added in a lane. */
// @ts-ignore: decorator
@inline
function dotBytes(codes: v128, factors: v128, sum: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? i32x4.relaxed_dot_i8x16_i7x16_add_s(codes, factors, sum) : sum;
}

// These compare four rows with a query and give four scores. The rows begin at `row`, and at o1, o2 and o3 bytes behind it.

/**
 * The product of a row of floats with a query, in one order always: four sums of four lanes take the dimensions in turn, 16 at a time, and
 * then (0 + 1) + (2 + 3).
 */
// @ts-ignore: decorator
@inline
function dotRow(query: usize, row: usize, bytes: usize): v128 {
  let a = f32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  let i: usize = 0;
  for (const whole = bytes & ~63; i < whole; i += 64) {
    a = f32x4.add(a, f32x4.mul(v128.load(query + i), v128.load(row + i)));
    b = f32x4.add(b, f32x4.mul(v128.load(query + i, 16), v128.load(row + i, 16)));
    c = f32x4.add(c, f32x4.mul(v128.load(query + i, 32), v128.load(row + i, 32)));
    d = f32x4.add(d, f32x4.mul(v128.load(query + i, 48), v128.load(row + i, 48)));
  }
  if (i < bytes) a = f32x4.add(a, f32x4.mul(v128.load(query + i), v128.load(row + i)));
  if (i + 16 < bytes) b = f32x4.add(b, f32x4.mul(v128.load(query + i, 16), v128.load(row + i, 16)));
  if (i + 32 < bytes) c = f32x4.add(c, f32x4.mul(v128.load(query + i, 32), v128.load(row + i, 32)));
  return f32x4.add(f32x4.add(a, b), f32x4.add(c, d));
}

/** Floats as numbers that compare as whole numbers do. */
// @ts-ignore: decorator
@inline
export function sortable(floats: v128): v128 {
  return v128.xor(floats, v128.and(i32x4.shr_s(floats, 31), i32x4.splat(0x7fffffff)));
}

/** Four products of floats by floats. Rows are read one after another. */
// @ts-ignore: decorator
@inline
export function dotFloats(query: usize, row: usize, o1: usize, o2: usize, o3: usize, bytes: usize): v128 {
  const numbers = query + QUERY_HEAD;
  const a = dotRow(numbers, row, bytes);
  const b = dotRow(numbers, row + o1, bytes);
  const c = dotRow(numbers, row + o2, bytes);
  return floatSums(a, b, c, dotRow(numbers, row + o3, bytes));
}

/**
 * Twice the sum of a query's numbers where the row's bits are set. The numbers have four bits, the last of them a sign, and lie bit by bit: one
 * slice of as many bytes as the row has for each, so that bits that both have are counted.
 */
// @ts-ignore: decorator
@inline
function sumOfSet(query: usize, row: usize, bytes: usize): i32 {
  let ones: i64 = 0;
  let twos: i64 = 0;
  let fours: i64 = 0;
  let eights: i64 = 0;
  for (let i: usize = 0; i < bytes; i += 8) {
    const bits = load<i64>(row + i);
    const slice = query + i;
    ones += popcnt<i64>(bits & load<i64>(slice, QUERY_HEAD));
    twos += popcnt<i64>(bits & load<i64>(slice + bytes, QUERY_HEAD));
    fours += popcnt<i64>(bits & load<i64>(slice + 2 * bytes, QUERY_HEAD));
    eights += popcnt<i64>(bits & load<i64>(slice + 3 * bytes, QUERY_HEAD));
  }
  return <i32>(2 * ones + 4 * twos + 8 * fours - 16 * eights);
}

/** Numbers of a query where rows have a bit less those where they have none; the sums begin with all of them turned. */
// @ts-ignore: decorator
@inline
export function dotSigns(query: usize, row: usize, o1: usize, o2: usize, o3: usize, bytes: usize): v128 {
  let sums = i32x4.splat(sumOfSet(query, row, bytes));
  sums = i32x4.replace_lane(sums, 1, sumOfSet(query, row + o1, bytes));
  sums = i32x4.replace_lane(sums, 2, sumOfSet(query, row + o2, bytes));
  sums = i32x4.replace_lane(sums, 3, sumOfSet(query, row + o3, bytes));
  return i32x4.add(v128.load(query), sums);
}

// These add to `sum`, in its four lanes, the products of a row's 64 bytes in a plane by a query's numbers for the plane. `query` is
// the same for many rows, so its numbers are loaded to registers ahead of the loop over rows.

/**
 * Codes of 8 bits by a query of 8 bits in two halves of 7, its positive numbers and its negative ones turned: relaxed SIMD
 * multiplies by 7 bits everywhere. `query`: per 16 codes, 16 bytes of each half.
 */
// @ts-ignore: decorator
@inline
export function addHalves(query: usize, row: usize, sum: v128): v128 {
  const a = v128.load(row);
  const b = v128.load(row, 16);
  const c = v128.load(row, 32);
  const d = v128.load(row, 48);
  let plus = dotBytes(a, v128.load(query), sum);
  let minus = dotBytes(a, v128.load(query, 16), i32x4.splat(0));
  plus = dotBytes(b, v128.load(query, 32), plus);
  minus = dotBytes(b, v128.load(query, 48), minus);
  plus = dotBytes(c, v128.load(query, 64), plus);
  minus = dotBytes(c, v128.load(query, 80), minus);
  plus = dotBytes(d, v128.load(query, 96), plus);
  minus = dotBytes(d, v128.load(query, 112), minus);
  return i32x4.sub(plus, minus);
}

/**
 * Codes of 8 bits by a query of 8 bits, where relaxed SIMD multiplies by all 8: without a sign on some processors (the sign bit of
 * the codes is `turned` then, and scores are corrected by what that adds), with one on others.
 */
// @ts-ignore: decorator
@inline
export function addWhole(query: usize, turned: v128, row: usize, sum: v128): v128 {
  const a = dotBytes(v128.load(query), v128.xor(turned, v128.load(row)), sum);
  const b = dotBytes(v128.load(query, 16), v128.xor(turned, v128.load(row, 16)), a);
  const c = dotBytes(v128.load(query, 32), v128.xor(turned, v128.load(row, 32)), b);
  return dotBytes(v128.load(query, 48), v128.xor(turned, v128.load(row, 48)), c);
}

/** 16 products of a query in 16 bits (32 bytes) by codes of 8 bits, added in four lanes. */
// @ts-ignore: decorator
@inline
function dotWide(low: v128, high: v128, codes: v128, sum: v128): v128 {
  return i32x4.add(
    sum,
    i32x4.add(
      i32x4.dot_i16x8_s(low, i16x8.extend_low_i8x16_s(codes)),
      i32x4.dot_i16x8_s(high, i16x8.extend_high_i8x16_s(codes)),
    ),
  );
}

/** Codes of 8 bits by a query of 8 bits that are kept in 16, with plain SIMD. */
// @ts-ignore: decorator
@inline
export function addPlain(query: usize, row: usize, sum: v128): v128 {
  const a = dotWide(v128.load(query), v128.load(query, 16), v128.load(row), sum);
  const b = dotWide(v128.load(query, 32), v128.load(query, 48), v128.load(row, 16), a);
  const c = dotWide(v128.load(query, 64), v128.load(query, 80), v128.load(row, 32), b);
  return dotWide(v128.load(query, 96), v128.load(query, 112), v128.load(row, 48), c);
}

/** 32 products of a query by codes of 4 bits, which are numbers from 0 to 15 and so fit in 7 bits. */
// @ts-ignore: decorator
@inline
function dotNibbles(query: usize, codes: v128, sum: v128): v128 {
  const low = dotBytes(v128.load(query), v128.and(codes, i8x16.splat(15)), sum);
  return dotBytes(v128.load(query, 16), i8x16.shr_u(codes, 4), low);
}

/** Codes of 4 bits by a query of 8 bits: per 16 bytes of codes, 16 numbers for their low halves and 16 for their high halves. */
// @ts-ignore: decorator
@inline
export function addFourBits(query: usize, row: usize, sum: v128): v128 {
  const a = dotNibbles(query, v128.load(row), sum);
  const b = dotNibbles(query + 32, v128.load(row, 16), a);
  const c = dotNibbles(query + 64, v128.load(row, 32), b);
  return dotNibbles(query + 96, v128.load(row, 48), c);
}

/**
 * 32 products of a query in 16 bits by codes of 4 bits: those in the low halves of even bytes, then in the high halves of even bytes, and
 * both of odd bytes. Shifts by 16 bits put them there, which is less work than to widen bytes.
 */
// @ts-ignore: decorator
@inline
function dotWideNibbles(query: usize, codes: v128, sum: v128): v128 {
  const low = i16x8.splat(15);
  const a = i32x4.dot_i16x8_s(v128.load(query), v128.and(codes, low));
  const b = i32x4.dot_i16x8_s(v128.load(query, 16), v128.and(i16x8.shr_u(codes, 4), low));
  const c = i32x4.dot_i16x8_s(v128.load(query, 32), v128.and(i16x8.shr_u(codes, 8), low));
  const d = i32x4.dot_i16x8_s(v128.load(query, 48), i16x8.shr_u(codes, 12));
  return i32x4.add(sum, i32x4.add(i32x4.add(a, b), i32x4.add(c, d)));
}

/** As {@link addFourBits} with plain SIMD, and the query in 16 bits. */
// @ts-ignore: decorator
@inline
export function addFourBitsPlain(query: usize, row: usize, sum: v128): v128 {
  const a = dotWideNibbles(query, v128.load(row), sum);
  const b = dotWideNibbles(query + 64, v128.load(row, 16), a);
  const c = dotWideNibbles(query + 128, v128.load(row, 32), b);
  return dotWideNibbles(query + 192, v128.load(row, 48), c);
}
