import type { EncoderShape, Queries } from '../../encoder/backend.ts';

/**
 * Scaled dot-product attention within each text of a packed batch, every token seeing every other.
 *
 * @param qkv - `[tokens, 3 · hidden]`: queries, keys and values side by side, heads contiguous in each.
 * @param out - `[tokens, hidden]`, written in the rows that ask.
 * @param starts - `[texts + 1]` first row of each text.
 */
export function attention(
  qkv: Float32Array,
  out: Float32Array,
  starts: Uint32Array,
  { hiddenSize, heads, headSize }: EncoderShape,
  queries: Queries,
): void {
  const stride = 3 * hiddenSize;
  const scale = 1 / Math.sqrt(headSize);
  const sum = new Float64Array(headSize);
  for (let text = 0; text + 1 < starts.length; text++) {
    const first = starts[text];
    const end = starts[text + 1];
    const scores = new Float64Array(end - first);
    const asking = queries === 'all' ? end : first + 1;
    for (let head = 0; head < heads; head++) {
      const keys = hiddenSize + head * headSize;
      const values = 2 * hiddenSize + head * headSize;
      for (let query = first; query < asking; query++) {
        const q = query * stride + head * headSize;
        let highest = Number.NEGATIVE_INFINITY;
        for (let key = first; key < end; key++) {
          const k = key * stride + keys;
          let dot = 0;
          for (let i = 0; i < headSize; i++) dot += qkv[q + i] * qkv[k + i];
          scores[key - first] = dot * scale;
          if (scores[key - first] > highest) highest = scores[key - first];
        }
        let total = 0;
        sum.fill(0);
        for (let key = first; key < end; key++) {
          const weight = Math.exp(scores[key - first] - highest);
          const v = key * stride + values;
          total += weight;
          for (let i = 0; i < headSize; i++) sum[i] += weight * qkv[v + i];
        }
        const at = query * hiddenSize + head * headSize;
        for (let i = 0; i < headSize; i++) out[at + i] = sum[i] / total;
      }
    }
  }
}
