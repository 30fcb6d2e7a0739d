/** The same index file under a scanner of several threads, as collections search it. */
import { readFileSync } from 'node:fs';
import { source } from './source.mjs';

const { readIndex } = await source('index-file');
const { searchFunnel } = await source('funnel');
const { Scanner } = await source('scanner');
const { VectorColumn } = await source('vector-column');
const { readMean } = await source('mean');
const { startThread } = await source('threads');

export default async ({ threads }) => {
  const scanner = await Scanner.create({ threads, startThread });
  return {
    open(path) {
      const bytes = readFileSync(path);
      const { head, sections } = readIndex(bytes);
      const { dimensions, count, plan } = head;
      const of = ({ start, end }) => bytes.subarray(start, end);
      const mean = readMean(of(sections.mean), dimensions);
      const column = (kind, section) =>
        VectorColumn.load(scanner.heap, { kind, dimensions, mean }, count, (codes) => codes.set(of(section)));
      const codes = column(head.codes, sections.codes);
      const rerank = head.rerank && column(head.rerank, sections.rerank);
      return { parts: [{ codes, rerank }], plan };
    },
    search({ parts, plan }, query, k) {
      const { hits } = searchFunnel(scanner, parts, query, { k, plan, idOf: (_, row) => `${row}` });
      return hits.map(({ row }) => row);
    },
  };
};
