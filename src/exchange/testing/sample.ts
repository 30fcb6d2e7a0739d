import { SternaError } from '../../errors.ts';
import type { ExchangeHeader, ExchangeRow } from '../exchange.ts';

export const HEADER: ExchangeHeader = {
  space: 'nano@7c0f3a91d2e4b865/8',
  dimensions: 8,
  passageTokens: 128,
  model: 'nano',
};

/** Seeded numbers from −1 to 1. */
export function random(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  };
}

/** A vector of seeded numbers. */
export function vectorOf(dimensions: number, next: () => number): Float32Array {
  return Float32Array.from({ length: dimensions }, next);
}

/** Documents of one to three passages of ten characters, with metadata of every kind. */
export function* sampleRows(documents: number, dimensions = HEADER.dimensions): Generator<ExchangeRow> {
  const next = random(7);
  for (let i = 0; i < documents; i++) {
    const passages = 1 + (i % 3);
    const document = Array.from({ length: passages }, (_, p) => `text ${i}.${p} äß漢`.padEnd(10)).join('');
    const metadata = {
      lang: i % 2 ? 'de' : 'en',
      year: 1990 + i,
      draft: i % 5 === 0,
      changed: new Date(Date.UTC(2020, 0, 1 + i)),
      tags: i % 4 ? [`t${i % 4}`, 'ſ'] : [],
      ...(i % 3 ? { score: i / 7 } : {}),
    };
    for (let passage = 0; passage < passages; passage++) {
      const start = Math.floor((passage * document.length) / passages);
      const end = Math.floor(((passage + 1) * document.length) / passages);
      yield {
        id: `doc-${i}`,
        passage,
        start,
        end,
        text: document.slice(start, end),
        document: passage === 0 ? document : undefined,
        metadata,
        vector: vectorOf(dimensions, next),
      };
    }
  }
}

/** All bytes of a stream. */
export async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer());
}

export async function listOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** How reading damaged bytes ends: with rows, or refused, also for want of a column whose name was damaged. Anything else is thrown on. */
export async function outcome(read: () => Promise<unknown>): Promise<'read' | 'refused'> {
  try {
    await read();
    return 'read';
  } catch (error) {
    if (!(error instanceof SternaError)) throw error;
    if (error.code === 'corrupt-file' || error.message.startsWith('There is no column')) return 'refused';
    throw error;
  }
}
