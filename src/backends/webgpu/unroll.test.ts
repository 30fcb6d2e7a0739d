import { expect, test } from 'vitest';
import { unroll } from './unroll.ts';

test('arrays become registers, and loops over them are written out', () => {
  const code = `
    var sums: array<array<vec4f, COLUMNS>, ROWS>;
    for (var r = 0u; r < ROWS; r++) {
      for (var c = 0u; c < COLUMNS; c++) {
        sums[r][c] += x[r * 7u + c];
      }
    }`;
  const words = unroll(code, { ROWS: 2, COLUMNS: 1 }).replace(/\s+/g, ' ').trim();
  expect(words).toBe(
    'var sums_0_0 = vec4f(); var sums_1_0 = vec4f(); ' +
      '{ { sums_0_0 += x[0u * 7u + 0u]; } } { { sums_1_0 += x[1u * 7u + 0u]; } }',
  );
});

test('other loops and arrays stay as they are', () => {
  const code = `
    var<workgroup> tile: array<f32, 64>;
    for (var k = 0u; k < INNER; k++) { y[3u] += x[k]; }
    for (var half = 32u; half > 0u; half >>= 1u) { tile[half] = 0.0; }`;
  expect(unroll(code, { ROWS: 2 })).toBe(code);
});

test('an index is replaced as a word, not within other words', () => {
  const words = unroll('for (var r = 0u; r < ROWS; r++) { row[r] = r + r1 + params.rows; }', { ROWS: 1 });
  expect(words).toBe('{ row[0u] = 0u + r1 + params.rows; }');
});
