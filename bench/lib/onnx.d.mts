/** What is needed of a config.json to write the graph. */
export interface OnnxConfig {
  /** `gte`, or anything else for XLM-RoBERTa. */
  readonly model_type?: string;
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly pad_token_id: number;
  readonly layer_norm_eps: number;
  /** Of a GTE encoder. */
  readonly intermediate_size?: number;
  readonly rope_theta?: number;
}

/** Tensors by their names in the checkpoint. */
export type OnnxWeights = Readonly<
  Record<string, { readonly shape: readonly number[]; readonly values: Float32Array }>
>;

/**
 * Writes an encoder as an ONNX file.
 *
 * @param options.int8 - quantises the weights per output channel, and the activations at run time. Default: false.
 * @returns the file. Inputs are input_ids and attention_mask, the output is last_hidden_state.
 */
export function toOnnx(
  config: OnnxConfig,
  weights: OnnxWeights,
  options?: { int8?: boolean },
): Uint8Array<ArrayBuffer>;
