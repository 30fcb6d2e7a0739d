import type {
  Backend,
  EncoderShape,
  LinearWeights,
  NormWeights,
  Queries,
  RotationTable,
  Tensor,
} from '../../encoder/backend.ts';
import { type MatrixData, rounded } from '../../encoder/block-codes.ts';
import type { PackedBatch } from '../../text/pack.ts';
import type { Precision } from '../../types.ts';
import { attention } from './attention.ts';
import { gelu } from './erf.ts';
import { matmul } from './matmul.ts';

/** A matrix in host memory, row by row. */
class HostTensor implements Tensor {
  constructor(
    readonly data: Float32Array,
    readonly rows: number,
    readonly columns: number,
  ) {}
}

/** Rows of the intermediate product that a gated projection holds at a time. */
const GATED_ROWS = 64;

/**
 * Every operation in plain TypeScript: activations in float32, sums in float64, an error function exact to 1e-16.
 * It is the oracle that other backends are tested against, and it runs wherever JavaScript does.
 */
export class ReferenceBackend implements Backend {
  readonly name = 'reference';
  readonly adapter = '';
  readonly largestTensorBytes = 2 ** 31;
  private shape!: EncoderShape;
  private batch!: PackedBatch;

  /** @param precision - what weights are rounded to; sums stay as they are. */
  constructor(readonly precision: Precision = 'f32') {}

  async prepare(shape: EncoderShape): Promise<void> {
    this.shape = shape;
  }

  weight(data: MatrixData, rows: number, columns: number, _: string, precision = this.precision): Tensor {
    const kept = rounded(data, rows, columns, rows === 1 ? 'f32' : precision);
    return new HostTensor(kept === data ? data.slice() : kept, rows, columns);
  }

  begin(batch: PackedBatch): void {
    this.batch = batch;
  }

  activation(rows: number, columns: number): Tensor {
    return new HostTensor(new Float32Array(rows * columns), rows, columns);
  }

  write(target: Tensor, data: Float32Array): void {
    dataOf(target).set(data);
  }

  norm(stream: Tensor, { weight, bias, epsilon }: NormWeights, added?: Tensor): void {
    const { rows, columns } = stream;
    const data = dataOf(stream);
    const addend = added && dataOf(added);
    const scale = dataOf(weight);
    const shift = dataOf(bias);
    const row = new Float64Array(columns);
    for (let at = 0; at < rows * columns; at += columns) {
      let mean = 0;
      for (let i = 0; i < columns; i++) {
        row[i] = addend ? data[at + i] + addend[at + i] : data[at + i];
        mean += row[i];
      }
      mean /= columns;
      let variance = 0;
      for (let i = 0; i < columns; i++) variance += (row[i] - mean) ** 2;
      const inverse = 1 / Math.sqrt(variance / columns + epsilon);
      for (let i = 0; i < columns; i++) data[at + i] = (row[i] - mean) * inverse * scale[i] + shift[i];
    }
  }

  linear(x: Tensor, { weight, bias }: LinearWeights, out: Tensor, activation?: 'gelu'): void {
    const y = dataOf(out);
    matmul(dataOf(x), dataOf(weight), bias && dataOf(bias), y, x.rows, x.columns, weight.rows);
    if (activation === 'gelu') for (let i = 0; i < y.length; i++) y[i] = gelu(y[i]);
  }

  gatedLinear(x: Tensor, { weight, bias }: LinearWeights, out: Tensor): void {
    const { rows, columns: inner } = x;
    const width = out.columns;
    const source = dataOf(x);
    const target = dataOf(out);
    const product = new Float32Array(Math.min(rows, GATED_ROWS) * 2 * width);
    for (let first = 0; first < rows; first += GATED_ROWS) {
      const count = Math.min(GATED_ROWS, rows - first);
      const some = source.subarray(first * inner, (first + count) * inner);
      matmul(some, dataOf(weight), bias && dataOf(bias), product, count, inner, 2 * width);
      for (let row = 0; row < count; row++) {
        const up = row * 2 * width;
        for (let i = 0; i < width; i++) {
          target[(first + row) * width + i] = product[up + i] * gelu(product[up + width + i]);
        }
      }
    }
  }

  rotate(qkv: Tensor, { values }: RotationTable): void {
    const { hiddenSize, heads, headSize } = this.shape;
    const { starts } = this.batch;
    const data = dataOf(qkv);
    const half = headSize / 2;
    for (let text = 0; text + 1 < starts.length; text++) {
      for (let token = starts[text]; token < starts[text + 1]; token++) {
        const angles = (token - starts[text]) * headSize;
        // Queries and keys lie side by side: 2 · heads vectors to turn.
        for (let head = 0; head < 2 * heads; head++) {
          const at = token * 3 * hiddenSize + head * headSize;
          for (let i = 0; i < half; i++) {
            const cosine = values[angles + i];
            const sine = values[angles + half + i];
            const a = data[at + i];
            const b = data[at + half + i];
            data[at + i] = a * cosine - b * sine;
            data[at + half + i] = b * cosine + a * sine;
          }
        }
      }
    }
  }

  attention(qkv: Tensor, out: Tensor, queries: Queries): void {
    attention(dataOf(qkv), dataOf(out), this.batch.starts, this.shape, queries);
  }

  firstRows(x: Tensor, out: Tensor): void {
    const source = dataOf(x);
    for (let text = 0; text < out.rows; text++) {
      const at = this.batch.starts[text] * x.columns;
      dataOf(out).set(source.subarray(at, at + x.columns), text * x.columns);
    }
  }

  async read(x: Tensor): Promise<Float32Array> {
    return dataOf(x).slice();
  }

  end(): void {}

  dispose(): void {}
}

function dataOf(tensor: Tensor): Float32Array {
  return (tensor as HostTensor).data;
}
