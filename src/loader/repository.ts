/** Short names of models. */
const ALIASES: Readonly<Record<string, string>> = {
  'arctic-m-v2': 'Snowflake/snowflake-arctic-embed-m-v2.0',
  'arctic-l-v2': 'Snowflake/snowflake-arctic-embed-l-v2.0',
};

/**
 * The repository that a source names: `owner/name`, or a short name. A path says that it is one by a dot, a slash at its beginning or its end, or
 * more slashes.
 *
 * @returns nothing for an address or a path.
 */
export function repositoryOf(source: string): string | undefined {
  if (Object.hasOwn(ALIASES, source)) return ALIASES[source];
  return /^[A-Za-z0-9][\w.-]*\/[\w-][\w.-]*$/.test(source) ? source : undefined;
}
