/**
 * y = x·Wᵀ + b, each sum in float64 from the first feature to the last.
 *
 * Two rows by four outputs at a time, so that each value read serves several sums. A row's sums do not depend on the
 * row it shares a tile with.
 *
 * @param x - `[rows, inner]`.
 * @param weight - `[outputs, inner]`, outputs a multiple of 4.
 * @param bias - `[outputs]`, or nothing.
 * @param y - `[rows, outputs]`, written.
 */
export function matmul(
  x: Float32Array,
  weight: Float32Array,
  bias: Float32Array | undefined,
  y: Float32Array,
  rows: number,
  inner: number,
  outputs: number,
): void {
  for (let row = 0; row < rows; row += 2) {
    // An odd last row is its own partner: its sums are made twice and are the same.
    const partner = Math.min(row + 1, rows - 1);
    const x0 = row * inner;
    const x1 = partner * inner;
    for (let out = 0; out < outputs; out += 4) {
      const w0 = out * inner;
      const w1 = w0 + inner;
      const w2 = w1 + inner;
      const w3 = w2 + inner;
      let s00 = bias ? bias[out] : 0;
      let s01 = bias ? bias[out + 1] : 0;
      let s02 = bias ? bias[out + 2] : 0;
      let s03 = bias ? bias[out + 3] : 0;
      let s10 = s00;
      let s11 = s01;
      let s12 = s02;
      let s13 = s03;
      for (let k = 0; k < inner; k++) {
        const a = x[x0 + k];
        const b = x[x1 + k];
        const c0 = weight[w0 + k];
        const c1 = weight[w1 + k];
        const c2 = weight[w2 + k];
        const c3 = weight[w3 + k];
        s00 += a * c0;
        s01 += a * c1;
        s02 += a * c2;
        s03 += a * c3;
        s10 += b * c0;
        s11 += b * c1;
        s12 += b * c2;
        s13 += b * c3;
      }
      const y0 = row * outputs + out;
      y[y0] = s00;
      y[y0 + 1] = s01;
      y[y0 + 2] = s02;
      y[y0 + 3] = s03;
      const y1 = partner * outputs + out;
      y[y1] = s10;
      y[y1 + 1] = s11;
      y[y1 + 2] = s12;
      y[y1 + 3] = s13;
    }
  }
}
