import { DEEPEST } from './normalizer.ts';

/**
 * A copy of the `normalizer` of a tokenizer.json with other values in the places of its character maps, in their order. What is no such
 * normalizer stays as it is.
 */
export function mapCharsmaps(
  normalizer: unknown,
  change: (charsmap: unknown) => unknown,
  depth = 0,
): unknown {
  if (typeof normalizer !== 'object' || normalizer === null || depth > DEEPEST) return normalizer;
  const fields = normalizer as Record<string, unknown>;
  if (fields.type === 'Precompiled')
    return { ...fields, precompiled_charsmap: change(fields.precompiled_charsmap) };
  if (fields.type !== 'Sequence' || !Array.isArray(fields.normalizers)) return normalizer;
  return {
    ...fields,
    normalizers: fields.normalizers.map((step) => mapCharsmaps(step, change, depth + 1)),
  };
}
