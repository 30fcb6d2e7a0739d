import { type FunnelPart, type FunnelPlan, searchFunnel, searchFunnelBy } from '../funnel.ts';
import { COSINE_WEIGHT, fuseByRank, fuseByScore } from '../fuse.ts';
import type { GpuSearch } from '../gpu/gpu-search.ts';
import { bm25, type LexicalPart } from '../lexical/bm25.ts';
import { fullScore } from '../lexical/full-score.ts';
import { type CompiledFilter, compileFilter, evaluate } from '../metadata/filter.ts';
import type { Scanner } from '../scan/scanner.ts';
import { type Part, rowMask } from './part.ts';
import type { CollectionHit, CollectionQuery } from './query.ts';
import { corrupt } from './section-file.ts';
import { readText } from './stored-text.ts';

/** Passages that each leg proposes for fusion, at least. */
const FUSION_DEPTH = 100;

/** A row of a part, as one number. */
const ROWS = 2 ** 32;

interface RankedRow {
  readonly key: number;
  readonly score: number;
  readonly scores: CollectionHit['scores'];
}

/** What a search is done with. */
export interface SearchMeans {
  readonly scanner: Scanner;
  /** Where it was measured to be faster. */
  readonly gpu?: GpuSearch;
  readonly plan?: FunnelPlan;
}

/**
 * Searches parts of a collection.
 *
 * @throws SternaError `invalid-input` for a filter that is none, `corrupt-file` where a segment is damaged.
 */
export async function searchParts(
  { scanner, gpu, plan }: SearchMeans,
  parts: readonly Part[],
  query: CollectionQuery,
): Promise<CollectionHit[]> {
  const search = new PartSearch({ scanner, gpu, plan }, parts, query);
  const { k, perDocument } = query;
  // Passages of documents that have enough of them are passed over, so more must be asked for until k are left.
  for (let asked = perDocument === 1 ? 2 * k : k; ; asked *= 4) {
    const ranked = await search.ranked(asked);
    const hits = perDocumentAtMost(parts, ranked, perDocument).slice(0, k);
    if (hits.length === k || ranked.length < asked) return hits.map((row) => hitOf(parts, row));
  }
}

class PartSearch {
  private readonly masks: readonly (Uint32Array | undefined)[];

  constructor(
    private readonly means: SearchMeans,
    private readonly parts: readonly Part[],
    private readonly query: CollectionQuery,
  ) {
    const filter = query.filter && compileFilter(query.filter);
    this.masks = parts.map((part) => rowMask(part, documentMask(part, filter)));
  }

  /** The rows of a part that take part. It may have grown meanwhile: rows that have come since the search began do not. */
  private maskOf(part: number): Uint32Array | undefined {
    const mask = this.masks[part];
    const words = Math.ceil(this.parts[part].rows / 32);
    if (!mask || mask.length >= words) return mask;
    const longer = new Uint32Array(words);
    longer.set(mask);
    return longer;
  }

  private lexicalParts(): (LexicalPart & { readonly part: number })[] {
    return this.parts.flatMap(({ postings }, part) =>
      postings ? [{ postings, mask: this.maskOf(part), part }] : [],
    );
  }

  /** The best passages, at most `count`. */
  async ranked(count: number): Promise<RankedRow[]> {
    const { vector, terms } = this.query;
    if (!terms) {
      const found = await this.byVector(count);
      return found.map(({ key, score }) => ({ key, score, scores: { vector: score } }));
    }
    if (!vector)
      return this.byTerms(count).map(({ key, score }) => ({ key, score, scores: { lexical: score } }));
    return this.fused(count);
  }

  private async fused(count: number): Promise<RankedRow[]> {
    const depth = Math.max(FUSION_DEPTH, count);
    const { terms, fusion = 'score', weights: { vector = 1, lexical = 1 } = {} } = this.query;
    const vectors = legOf(await this.byVector(depth));
    const words = legOf(this.byTerms(depth));
    // All that was found, as equal ones are put in order before the last ones are left out.
    const options = { k: 2 * depth };
    const found =
      fusion === 'rank'
        ? fuseByRank(
            [
              { ...vectors, weight: vector },
              { ...words, weight: lexical },
            ],
            options,
          )
        : fuseByScore(
            [
              { ...vectors, weight: COSINE_WEIGHT * vector },
              { ...words, weight: lexical, lowest: 0, full: fullScore(this.lexicalParts(), terms!) },
            ],
            options,
          );
    const ranked = found.map(
      ({ id, score, scores: [vector, lexical] }): RankedRow => ({
        key: id,
        score,
        scores: { vector, lexical },
      }),
    );
    return equalsById(this.parts, ranked).slice(0, count);
  }

  private async byVector(count: number): Promise<{ key: number; score: number }[]> {
    const { parts } = this;
    const { scanner, gpu, plan } = this.means;
    const { vector, exact, minScore } = this.query;
    const searched = parts.map(
      ({ codes, rerank }, i): FunnelPart => ({ codes, rerank, mask: this.maskOf(i) }),
    );
    const options = {
      k: count,
      exact,
      plan,
      minScore,
      idOf: (part: number, row: number) => passageId(parts[part], row),
    };
    const { hits } = gpu
      ? await searchFunnelBy(
          (some, query) => gpu.scan(scanner, some, query),
          scanner,
          searched,
          vector!,
          options,
        )
      : searchFunnel(scanner, searched, vector!, options);
    return hits.map(({ part, row, score }) => ({ key: part * ROWS + row, score }));
  }

  private byTerms(count: number): { key: number; score: number }[] {
    const searched = this.lexicalParts();
    const found = bm25(searched, this.query.terms!, { k: count });
    const ranked = Array.from(found.rows, (row, i) => ({
      key: searched[found.parts[i]].part * ROWS + row,
      score: found.scores[i],
    }));
    return equalsById(this.parts, ranked);
  }
}

/** Puts equal scores in the order of ids, which does not depend on where passages are kept. */
function equalsById<Row extends { readonly key: number; readonly score: number }>(
  parts: readonly Part[],
  ranked: Row[],
): Row[] {
  const idOf = ({ key }: Row) => passageId(parts[Math.floor(key / ROWS)], key % ROWS);
  return ranked.sort((a, b) => b.score - a.score || (idOf(a) < idOf(b) ? -1 : 1));
}

function legOf(found: readonly { readonly key: number; readonly score: number }[]) {
  return { ids: found.map(({ key }) => key), scores: found.map(({ score }) => score) };
}

/** The documents that take part; nothing where all do. */
function documentMask(part: Part, filter: CompiledFilter | undefined): Uint32Array | undefined {
  const kept = part.ids.mask();
  if (!filter) return kept;
  const mask = evaluate(filter, part.metadata);
  if (kept) for (let i = 0; i < mask.length; i++) mask[i] &= kept[i];
  return mask;
}

/** An id by which equal passages are put in an order that does not depend on where they are kept. */
function passageId(part: Part, row: number): string {
  const document = part.documentOf(row);
  const passage = row - part.firstRow(document);
  return `${part.ids.at(document)}\0${String.fromCharCode(passage >> 16, passage & 0xffff)}`;
}

function perDocumentAtMost(parts: readonly Part[], ranked: readonly RankedRow[], most: number): RankedRow[] {
  const counts = new Map<number, number>();
  return ranked.filter(({ key }) => {
    const part = Math.floor(key / ROWS);
    const document = part * ROWS + parts[part].documentOf(key % ROWS);
    const before = counts.get(document) ?? 0;
    counts.set(document, before + 1);
    return before < most;
  });
}

function hitOf(parts: readonly Part[], { key, score, scores }: RankedRow): CollectionHit {
  const part = parts[Math.floor(key / ROWS)];
  const row = key % ROWS;
  const document = part.documentOf(row);
  const stored = part.stored(document);
  const { text, metadata } = readText(stored, (words, cause) => corrupt(part.name, words, cause));
  const [start, end] = part.range(row);
  return { id: part.ids.at(document), text, metadata, start, end, score, scores };
}
