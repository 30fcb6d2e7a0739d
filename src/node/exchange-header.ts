import type { ExchangeHeader } from '../exchange/exchange.ts';
import { UsageError } from './json-lines.ts';
import type { SemanticIndex } from './semantic-index.ts';

/** What the rows of an index have in common. @throws UsageError where none of them has a vector. */
export function headerOf({ report }: SemanticIndex, path: string): ExchangeHeader {
  const { space, settings } = report;
  if (!space)
    throw new UsageError(`The index ${path} has no vectors yet; needed: one with documents that have words.`);
  // The name of a model may have an @ in it.
  const model = space.id.slice(0, space.id.lastIndexOf('@')) || undefined;
  return { space: space.id, dimensions: space.dimensions, passageTokens: settings.passageTokens, model };
}
