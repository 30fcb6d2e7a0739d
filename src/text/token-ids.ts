type Fields = Readonly<Record<string, unknown>>;

/**
 * A copy of a tokenizer.json with other ids, wherever ids stand outside of the vocabulary: at added tokens, in templates, for padding and for
 * unknown characters.
 *
 * @param json - a parsed tokenizer.json that a tokenizer was made of before.
 */
export function mapTokenIds(json: Fields, changeId: (id: number) => number): Record<string, unknown> {
  const change = onIds(changeId);
  const changed: Record<string, unknown> = { ...json };
  const replace = (name: string, make: (value: Fields) => unknown) => {
    if (isObject(json[name])) changed[name] = make(json[name]);
  };
  const pair = (value: unknown) => (Array.isArray(value) ? [value[0], change(value[1])] : value);
  if (Array.isArray(json.added_tokens))
    changed.added_tokens = json.added_tokens.map((token: Fields) => ({
      ...token,
      id: change(token.id),
    }));
  replace('padding', (padding) => ({ ...padding, pad_id: change(padding.pad_id) }));
  replace('model', (model) => ({ ...model, unk_id: change(model.unk_id) }));
  replace('post_processor', (processor) => {
    if ('cls' in processor || 'sep' in processor)
      return { ...processor, cls: pair(processor.cls), sep: pair(processor.sep) };
    return isObject(processor.special_tokens)
      ? { ...processor, special_tokens: mapSpecialTokens(processor.special_tokens, change) }
      : processor;
  });
  return changed;
}

function mapSpecialTokens(tokens: Fields, change: (id: unknown) => unknown): Fields {
  return Object.fromEntries(
    Object.entries(tokens).map(([name, token]) => [
      name,
      isObject(token) && Array.isArray(token.ids) ? { ...token, ids: token.ids.map(change) } : token,
    ]),
  );
}

/** A function of ids that leaves what is no id as it is: a tokenizer passes over fields that it has no use for. */
function onIds(change: (id: number) => number): (value: unknown) => unknown {
  return (value) => (typeof value === 'number' && value >>> 0 === value ? change(value) : value);
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
