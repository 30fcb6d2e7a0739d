/**
 * What an application does with an ONNX encoder: padded ids and their mask in, the first row of each text out, at unit length.
 *
 * @param ort - onnxruntime-web.
 * @param texts - token ids of each.
 */
export async function embedPadded(ort, session, texts) {
  const longest = Math.max(...texts.map(({ length }) => length));
  const shape = [texts.length, longest];
  const ids = new BigInt64Array(texts.length * longest).fill(1n);
  const mask = new BigInt64Array(texts.length * longest);
  for (const [i, text] of texts.entries()) {
    ids.set(BigInt64Array.from(text, BigInt), i * longest);
    mask.fill(1n, i * longest, i * longest + text.length);
  }
  const { last_hidden_state: output } = await session.run({
    input_ids: new ort.Tensor('int64', ids, shape),
    attention_mask: new ort.Tensor('int64', mask, shape),
  });
  const [, , width] = output.dims;
  return texts.map((_, i) => {
    const first = output.data.slice(i * longest * width, i * longest * width + width);
    const length = Math.hypot(...first);
    return first.map((value) => value / length);
  });
}
