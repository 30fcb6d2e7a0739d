import { randomNumbers } from '../../testing/vectors.ts';
import type { Batch, IndexedDocument } from '../changes.ts';
import type { Collection, CollectionSpace } from '../collection.ts';
import type { CollectionSettings } from '../manifest.ts';
import type { CollectionHit } from '../query.ts';

export const DIMENSIONS = 8;
export const SPACE: CollectionSpace = { id: 'space of tests', dimensions: DIMENSIONS };
export const SETTINGS: CollectionSettings = { codes: 'float32', passageTokens: 128, lexical: true };

/** Different terms of the test's documents. */
export const TERMS = 12;

/** A generator of documents, batches and queries, the same ones for a seed. */
export class Workload {
  readonly random: () => number;
  private operations = 0;

  constructor(
    seed: number,
    /** How many different ids there are. */
    private readonly ids = 24,
  ) {
    this.random = randomNumbers(seed);
  }

  below(count: number): number {
    return Math.floor(this.random() * count);
  }

  id(): string {
    return `document ${this.below(this.ids)}`;
  }

  document(id = this.id()): IndexedDocument {
    const passages = Array.from({ length: this.below(4) }, (_, i) => ({
      start: 3 * i,
      end: 3 * i + 3,
      vector: this.vector(),
      terms: Uint32Array.from({ length: 1 + this.below(4) }, () => this.below(TERMS)),
    }));
    const number = this.below(2 ** 31);
    const text = `${number} of ${id}, with words up to here`;
    const hash = number.toString(16).padStart(16, '0');
    return { id, text, metadata: { number, half: number % 2 === 0 }, hash, passages };
  }

  vector(): Float32Array {
    const vector = Float32Array.from({ length: DIMENSIONS }, () => this.random() - 0.5);
    const length = Math.hypot(...vector);
    return vector.map((x) => x / length);
  }

  /** Puts some documents, new ones and others, and removes some. */
  batch(): Batch {
    const put = new Map<string, IndexedDocument>();
    for (let i = this.below(4); i >= 0; i--) {
      const document = this.document();
      put.set(document.id, document);
    }
    const remove = Array.from({ length: this.below(3) }, () => this.id());
    return { operation: `operation ${++this.operations}`, put: [...put.values()], remove };
  }
}

/** What a collection should have, kept as simply as can be. */
export class Model {
  readonly documents: Map<string, IndexedDocument>;

  constructor(documents: Iterable<readonly [string, IndexedDocument]> = []) {
    this.documents = new Map(documents);
  }

  /** @returns what is there after the batch. */
  after({ remove, put }: Batch): Model {
    const next = new Model(this.documents);
    for (const id of remove) next.documents.delete(id);
    for (const document of put) next.documents.set(document.id, document);
    return next;
  }

  /** Cosines of all passages, the highest first, and of equal ones those of smaller ids. */
  ranked(query: Float32Array, passes: (document: IndexedDocument) => boolean = () => true) {
    const all = [...this.documents.values()].filter(passes).flatMap(({ id, passages }) =>
      passages.map(({ start, vector }) => {
        let cosine = 0;
        for (let i = 0; i < vector.length; i++) cosine += vector[i] * query[i];
        return { id, start, cosine };
      }),
    );
    return all.sort(
      (a, b) => b.cosine - a.cosine || (a.id < b.id ? -1 : Number(a.id > b.id)) || a.start - b.start,
    );
  }

  /** `id start` of each passage that has one of the terms. */
  withTerms(terms: Uint32Array): string[] {
    return [...this.documents.values()].flatMap(({ id, passages }) =>
      passages
        .filter((passage) => passage.terms?.some((term) => terms.includes(term)))
        .map(({ start }) => `${id} ${start}`),
    );
  }
}

/** What differs between a collection and what it should have, in words; nothing where all is the same. */
export async function difference(
  collection: Collection,
  model: Model,
  workload: Workload,
): Promise<string | undefined> {
  const { documents } = model;
  if (collection.size !== documents.size) return `${collection.size} documents instead of ${documents.size}`;
  for (const id of collection.ids()) if (!documents.has(id)) return `"${id}" is there`;
  for (const document of documents.values()) {
    const words = differenceOfDocument(collection, document);
    if (words) return `${document.id}: ${words}`;
  }
  const vector = workload.vector();
  const k = 1 + workload.below(12);
  const hits = await collection.search({ vector, k, perDocument: 1000 });
  const words = differenceOfHits(hits, model.ranked(vector).slice(0, k));
  if (words) return words;
  const terms = Uint32Array.of(workload.below(TERMS), workload.below(TERMS));
  const found = await collection.search({ terms, k: 1000, perDocument: 1000 });
  const places = found.map(({ id, start }) => `${id} ${start}`).sort();
  return `${places}` === `${model.withTerms(terms).sort()}` ? undefined : `words are found in ${places}`;
}

function differenceOfDocument(collection: Collection, document: IndexedDocument): string | undefined {
  const stored = collection.passages(document.id);
  if (!stored) return 'it is not there';
  if (stored.text !== document.text) return `its text is "${stored.text}"`;
  if (JSON.stringify(stored.metadata) !== JSON.stringify(document.metadata)) return 'its metadata are others';
  if (collection.hash(document.id) !== document.hash) return `its hash is ${collection.hash(document.id)}`;
  const plain = (passages: readonly { start: number; end: number; vector: Float32Array }[]) =>
    JSON.stringify(passages.map(({ start, end, vector }) => [start, end, ...vector]));
  return plain(stored.passages) === plain(document.passages) ? undefined : 'its passages are others';
}

/** Scores are compared with some room, because sums in another order round otherwise. */
export function differenceOfHits(
  hits: readonly CollectionHit[],
  expected: readonly { readonly id: string; readonly start: number; readonly cosine: number }[],
): string | undefined {
  if (hits.length !== expected.length) return `${hits.length} hits instead of ${expected.length}`;
  for (const [i, { id, start, score }] of hits.entries()) {
    const isNear = Math.abs(score - expected[i].cosine) < 1e-5;
    const isItself = id === expected[i].id && start === expected[i].start;
    const others = expected.filter(({ cosine }) => Math.abs(cosine - score) < 1e-5);
    if (!isNear || (!isItself && others.length === 1)) return `hit ${i} is ${id} ${start} with ${score}`;
  }
  return undefined;
}
