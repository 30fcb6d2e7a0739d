/** The same index file under a scanner of several threads, as collections search it. */
import { readFileSync } from 'node:fs';
import { source } from './source.mjs';

const { readIndex } = await source('index-file');
const { searchFunnel } = await source('funnel');
const { Scanner } = await source('scanner');
const { VectorColumn } = await source('vector-column');
const { startThread } = await source('threads');

export default async ({ threads }) => {
  const scanner = await Scanner.create({ threads, startThread });
  return {
    open(path) {
      const bytes = readFileSync(path);
      const { head, sections } = readIndex(bytes);
      const { dimensions, count, plan } = head;
      const column = (kind, range, { start, end }) =>
        VectorColumn.load(scanner.heap, { kind, dimensions, range }, count, (codes) =>
          codes.set(bytes.subarray(start, end)),
        );
      const codes = column(head.codes, head.range, sections.codes);
      const rerank = head.rerank && column(head.rerank, head.rerankRange, sections.rerank);
      return { parts: [{ codes, rerank }], plan };
    },
    search({ parts, plan }, query, k) {
      const { hits } = searchFunnel(scanner, parts, query, { k, plan, idOf: (_, row) => `${row}` });
      return hits.map(({ row }) => row);
    },
  };
};
