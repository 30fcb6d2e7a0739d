/** Rows and columns of a square that fits into the nearest caches while it is turned. */
const SQUARE = 32;

/** Fills `target` with the transpose `[columns, rows]` of `data` `[rows, columns]`, and returns it. */
export function transpose<A extends Float32Array | Int8Array>(
  data: A,
  target: A,
  rows: number,
  columns: number,
): A {
  for (let row0 = 0; row0 < rows; row0 += SQUARE) {
    const rowEnd = Math.min(row0 + SQUARE, rows);
    for (let column0 = 0; column0 < columns; column0 += SQUARE) {
      const columnEnd = Math.min(column0 + SQUARE, columns);
      for (let row = row0; row < rowEnd; row++) {
        for (let column = column0; column < columnEnd; column++) {
          target[column * rows + row] = data[row * columns + column];
        }
      }
    }
  }
  return target;
}
