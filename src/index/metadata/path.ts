/** A path as source text has it, such as `filter.year.gte` or `metadata["my field"][2]`. */
export function pathTo(root: string, keys: readonly string[]): string {
  return keys.reduce((path, key) => {
    if (/^[A-Za-z_$][\w$]*$/.test(key)) return `${path}.${key}`;
    return /^\d+$/.test(key) ? `${path}[${key}]` : `${path}[${JSON.stringify(key)}]`;
  }, root);
}
