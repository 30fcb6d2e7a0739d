import { SternaError } from '../errors.ts';
import type { CollectionSettings } from '../index/collection/manifest.ts';
import { CODE_KINDS } from '../index/vectors/code-layout.ts';
import type { SemanticIndexOptions } from './index-types.ts';
import { checkWholeNumbers } from './whole-numbers.ts';

const DEFAULT_PASSAGE_TOKENS = 128;

/** What of an index's options is kept with it, and an embedder that it is made with. */
export type SettingsOptions = Pick<
  SemanticIndexOptions,
  'embedder' | 'dimensions' | 'passageTokens' | 'codes' | 'rerank' | 'lexical'
>;

/**
 * Settings of an index that is made now.
 *
 * @throws SternaError `invalid-input`.
 */
export function settingsOf(options: SettingsOptions): CollectionSettings {
  const { embedder, dimensions, passageTokens = DEFAULT_PASSAGE_TOKENS, codes = 'int8' } = options;
  const { rerank = codes === 'binary' ? 'int8' : undefined } = options;
  const lexical = options.lexical ?? embedder.tokenize !== undefined;
  checkWholeNumbers({ passageTokens });
  for (const [name, value] of Object.entries({ codes, rerank })) {
    if (value === undefined || CODE_KINDS.includes(value)) continue;
    throw new SternaError(
      'invalid-input',
      `${name} is ${JSON.stringify(value)}; needed: ${CODE_KINDS.join(', ')}.`,
    );
  }
  return { codes, rerank, passageTokens, lexical, dimensions };
}

/** Settings with some of them changed; options that are not given stay as they are. @throws SternaError `invalid-input`. */
export function changedSettings(
  settings: CollectionSettings,
  options: Partial<SettingsOptions>,
  embedder: SettingsOptions['embedder'],
): CollectionSettings {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return settingsOf({ ...settings, ...Object.fromEntries(given), embedder });
}
