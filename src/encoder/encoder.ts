import type { PackedBatch } from '../text/pack.ts';
import type { Backend, RotationTable, Tensor } from './backend.ts';
import type { EncoderConfig } from './config.ts';
import { embedTokens } from './embeddings.ts';
import { rotationTable } from './rope.ts';
import type { EncoderWeights, LayerWeights } from './weights.ts';

/**
 * The activations of a batch, each written anew by every layer. For the last layer's second half there is a
 * smaller set, with one row per text in place of one per token.
 */
interface Activations {
  /** `[rows, hidden]` the residual stream, H. */
  readonly hidden: Tensor;
  /** `[rows, hidden]` what the heads have gathered. */
  readonly context: Tensor;
  /** `[rows, hidden]` output of a projection, before it joins the residual. */
  readonly projected: Tensor;
  /** `[rows, intermediate]` inside of the feed-forward network. */
  readonly inner: Tensor;
}

/**
 * THE forward pass: a post-norm Transformer encoder, both families.
 *
 *     H = norm(word + type + position)
 *     per layer:   A = attention(H·Wqkvᵀ)·Woᵀ      H = norm(H + A)
 *                  F = W₂·gelu(W₁·H), or W₂·(up·gelu(gate)) with [up | gate] = W₁·H      H = norm(H + F)
 *
 * A vector of a text is its first row, so the last layer goes on with that row alone once keys and values of all
 * rows are there.
 *
 * @param batch - texts of at least one token each.
 * @returns `[texts, hidden]`: the first row of each text, neither cut nor normalised.
 */
export async function encode(
  backend: Backend,
  config: EncoderConfig,
  weights: EncoderWeights,
  batch: PackedBatch,
): Promise<Float32Array> {
  const tokens = batch.ids.length;
  const texts = batch.starts.length - 1;
  await weights.embeddings.words.fetch?.(batch.ids);
  backend.begin(batch);
  try {
    const rotation = config.rope && rotationTable(config.rope, config.headSize, longest(batch));
    const all = activations(backend, config, tokens, 'all');
    const qkv = backend.activation(tokens, 3 * config.hiddenSize, 'qkv');

    backend.write(all.hidden, embedTokens(weights.embeddings, config, batch));
    backend.norm(all.hidden, weights.embeddingNorm);

    const last = weights.layers.length - 1;
    for (const layer of weights.layers.slice(0, last)) {
      attend(backend, layer, all, qkv, rotation, 'all');
      transform(backend, layer, all);
    }
    const first = activations(backend, config, texts, 'first');
    attend(backend, weights.layers[last], all, qkv, rotation, 'first');
    backend.firstRows(all.hidden, first.hidden);
    backend.firstRows(all.context, first.context);
    transform(backend, weights.layers[last], first);

    return await backend.read(first.hidden);
  } finally {
    backend.end();
  }
}

/** context = attention(H·Wqkvᵀ). */
function attend(
  backend: Backend,
  layer: LayerWeights,
  { hidden, context }: Activations,
  qkv: Tensor,
  rotation: RotationTable | undefined,
  queries: 'all' | 'first',
): void {
  backend.linear(hidden, layer.qkv, qkv);
  if (rotation) backend.rotate(qkv, rotation);
  backend.attention(qkv, context, queries);
}

/** H = norm(H + context·Woᵀ), then H = norm(H + feedForward(H)). */
function transform(
  backend: Backend,
  layer: LayerWeights,
  { hidden, context, projected, inner }: Activations,
): void {
  backend.linear(context, layer.attentionOutput, projected);
  backend.norm(hidden, layer.attentionNorm, projected);

  if (layer.gated) backend.gatedLinear(hidden, layer.up, inner);
  else backend.linear(hidden, layer.up, inner, 'gelu');
  backend.linear(inner, layer.down, projected);
  backend.norm(hidden, layer.outputNorm, projected);
}

function activations(backend: Backend, config: EncoderConfig, rows: number, label: string): Activations {
  return {
    hidden: backend.activation(rows, config.hiddenSize, `${label}.hidden`),
    context: backend.activation(rows, config.hiddenSize, `${label}.context`),
    projected: backend.activation(rows, config.hiddenSize, `${label}.projected`),
    inner: backend.activation(rows, config.intermediateSize, `${label}.inner`),
  };
}

/** Tokens of the longest text. */
function longest({ starts }: PackedBatch): number {
  return starts.reduce((most, start, i) => (i === 0 ? 0 : Math.max(most, start - starts[i - 1])), 0);
}
