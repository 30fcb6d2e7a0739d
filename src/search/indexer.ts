import { SternaError } from '../errors.ts';
import type { IndexedDocument, IndexedPassage } from '../index/collection/changes.ts';
import type { CollectionSpace } from '../index/collection/collection.ts';
import type { CollectionSettings } from '../index/collection/manifest.ts';
import { lexicalText } from '../index/lexical/lexical-text.ts';
import { type LocatedTerms, locateTerms } from '../index/lexical/terms.ts';
import type { Metadata } from '../index/metadata/types.ts';
import { unitVector } from '../index/vectors/unit.ts';
import { hashOf } from './check-documents.ts';
import type { PassageEmbedder, SearchDocument } from './index-types.ts';

/** Makes of texts what an index keeps of them and is asked with: passages, vectors and terms. */
export class Indexer {
  constructor(
    readonly embedder: PassageEmbedder,
    readonly settings: CollectionSettings,
  ) {}

  /** Cuts and embeds documents. @returns them in order, and the space of their vectors. @throws whatever the embedder throws. */
  async index(
    group: readonly SearchDocument<object>[],
    signal?: AbortSignal,
  ): Promise<{ documents: IndexedDocument[]; space: CollectionSpace }> {
    const { passageTokens, dimensions } = this.settings;
    const texts = group.map(({ text }) => text);
    const passages = await this.embedder.chunk(texts, { maxTokens: passageTokens, signal });
    // Documents are other people's words: `</s>` in one is three characters.
    const [{ embeddings, space }, terms] = await Promise.all([
      this.embedder.embed(
        passages.flat().map(({ text }) => text),
        { task: 'document', dimensions, specialTokens: 'text', priority: 'background', signal },
      ),
      this.locatePassages(
        passages.map((all) => all.map(({ text }) => text)),
        signal,
      ),
    ]);
    let row = 0;
    const documents = group.map((document, i): IndexedDocument => {
      const own = passages[i].map(({ start, end }, j): IndexedPassage => {
        return {
          start,
          end,
          vector: unitVector(embeddings[row++].values, space.dimensions),
          terms: terms?.[i][j].terms,
        };
      });
      return indexed(document, own);
    });
    return { documents, space: { id: space.id, dimensions: space.dimensions } };
  }

  /** Id of the space of documents' vectors. */
  async space(signal?: AbortSignal): Promise<string> {
    const { dimensions } = this.settings;
    const { space } = await this.embedder.embed([], { task: 'document', dimensions, signal });
    return space.id;
  }

  /** The vector of a query, and the id of its space. */
  async query(text: string, signal?: AbortSignal): Promise<{ vector: Float32Array; space: string }> {
    const { embeddings, space } = await this.embedder.embed([text], {
      task: 'query',
      dimensions: this.settings.dimensions,
      specialTokens: 'text',
      signal,
    });
    return { vector: unitVector(embeddings[0].values, space.dimensions), space: space.id };
  }

  /** The terms of texts, by the embedder's tokenizer. @throws SternaError `invalid-input` where it has none. */
  async locate(texts: readonly string[], signal?: AbortSignal): Promise<LocatedTerms[]> {
    if (!this.embedder.tokenize) {
      throw new SternaError(
        'invalid-input',
        'The embedder has no `tokenize`, so there are no words to search; search by vector.',
      );
    }
    const tokenized = await this.embedder.tokenize(texts.map(lexicalText), { signal });
    const { unknownId } = tokenized;
    return texts.map((text, i) => locateTerms({ unknownId, encode: () => tokenized.texts[i] }, text));
  }

  /** The terms of each document's passages; nothing where the index keeps no words. */
  async locatePassages(
    passages: readonly (readonly string[])[],
    signal?: AbortSignal,
  ): Promise<LocatedTerms[][] | undefined> {
    if (!this.settings.lexical) return undefined;
    const all = await this.locate(passages.flat(), signal);
    return passages.map((own) => all.splice(0, own.length));
  }
}

/** A document with passages that are made already. */
export function indexed(
  document: SearchDocument<object>,
  passages: readonly IndexedPassage[],
): IndexedDocument {
  const { id, text, metadata } = document;
  return { id, text, metadata: metadata as Metadata | undefined, hash: hashOf(document), passages };
}
