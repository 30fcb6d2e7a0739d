/** Metadata with the fields of a list alone; all of them without a list. */
export function pickFields<T extends { readonly metadata?: object }>(
  one: T,
  fields: ReadonlySet<string> | undefined,
): T {
  if (!fields || !one.metadata) return one;
  const kept = Object.entries(one.metadata).filter(([field]) => fields.has(field));
  return { ...one, metadata: kept.length > 0 ? Object.fromEntries(kept) : undefined };
}
