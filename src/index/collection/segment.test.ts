import { describe, expect, test } from 'vitest';
import { SternaError } from '../../errors.ts';
import { MemoryFolder } from '../files/memory-folder.ts';
import { Scanner } from '../scan/scanner.ts';
import { randomNumbers } from '../testing/vectors.ts';
import { Head } from './head.ts';
import type { Part } from './part.ts';
import { searchParts } from './search.ts';
import { Segment } from './segment.ts';
import { readText } from './stored-text.ts';
import { filesOf } from './testing/copies.ts';
import { DIMENSIONS, Workload } from './testing/model.ts';
import { resigned } from './testing/resign.ts';
import { writeSegment } from './write-segment.ts';

const scanner = Scanner.alone();
const SPEC = { codes: { kind: 'float32', dimensions: DIMENSIONS } } as const;
const MUTATIONS = 70_000;
/** Mutations with checksums. */
const FORGERIES = 30_000;

function headOf(documents: number): Head {
  const workload = new Workload(21, 1000);
  const head = new Head(scanner.heap, DIMENSIONS, true);
  for (let i = 0; i < documents; i++) head.add(workload.document(`document ${i}`));
  return head;
}

async function segmentBytes(): Promise<Uint8Array> {
  const folder = new MemoryFolder();
  await writeSegment(folder, 'segment-1', [headOf(6)], SPEC, scanner.heap);
  return (await filesOf(folder)).get('segment-1')!;
}

/** A byte, some bytes, a word of the kind that counts are, or the end. */
function mutated(bytes: Uint8Array, random: () => number): Uint8Array {
  const below = (count: number) => Math.floor(random() * count);
  const copy = bytes.slice();
  const at = below(copy.length);
  const way = below(5);
  if (way === 0) copy[at] ^= 1 << below(8);
  else if (way === 1) copy[at] = below(256);
  else if (way === 2) copy.fill(below(2) * 255, at, at + below(16));
  else if (way === 3) return copy.slice(0, at);
  else {
    const words = [0, 1, 2 ** 31, 2 ** 32 - 1, bytes.length, bytes.length + 1];
    const place = 4 * below(copy.length / 4 - 1);
    new DataView(copy.buffer).setUint32(place, words[below(words.length)], true);
  }
  return copy;
}

/** Opens a segment and uses all of it. */
async function use(bytes: Uint8Array): Promise<void> {
  const folder = new MemoryFolder();
  (await folder.open('segment-1', { create: true }))!.write(0, bytes);
  const segment = await Segment.open(folder, 'segment-1', scanner.heap);
  try {
    if (segment.codes.dimensions !== DIMENSIONS) return; // a collection compares it with its space
    for (let document = 0; document < segment.ids.length; document++) {
      readText(segment.stored(document), (words, cause) => new SternaError('corrupt-file', words, { cause }));
      for (let row = segment.firstRow(document); row < segment.firstRow(document + 1); row++)
        segment.range(row);
    }
    const terms = Uint32Array.of(1, 2, 3);
    const vector = new Float32Array(DIMENSIONS).fill(DIMENSIONS ** -0.5);
    const filter = { number: { gt: 7 }, half: true };
    await searchParts({ scanner }, [segment], { vector, terms, filter, k: 5, perDocument: 2 });
  } finally {
    segment.dispose();
  }
}

async function survives(bytes: Uint8Array): Promise<boolean> {
  try {
    await use(bytes);
    return true;
  } catch (error) {
    if (!(error instanceof SternaError) || error.code !== 'corrupt-file') throw error;
    return false;
  }
}

describe('a segment', () => {
  test('that is changed anywhere is refused as corrupt, or is as it was', async () => {
    const bytes = await segmentBytes();
    const random = randomNumbers(1);
    let refused = 0;
    for (let i = 0; i < MUTATIONS; i++) if (!(await survives(mutated(bytes, random)))) refused++;
    expect(refused).toBeGreaterThan(0.9 * MUTATIONS);
  }, 120_000);

  test('that somebody changed on purpose, with checksums, is refused as corrupt or can be used', async () => {
    const bytes = await segmentBytes();
    const random = randomNumbers(2);
    let refused = 0;
    for (let i = 0; i < FORGERIES; i++) {
      const changed = mutated(bytes, random);
      const isSignable = changed.length >= 16;
      try {
        if (!(await survives(isSignable ? resigned(changed) : changed))) refused++;
      } catch (error) {
        throw new Error(`mutation ${i}`, { cause: error });
      }
    }
    expect(refused).toBeGreaterThan(0.2 * FORGERIES);
  }, 120_000);

  test('of a later version is refused with advice', async () => {
    const bytes = await segmentBytes();
    new DataView(bytes.buffer).setUint32(bytes.length - 8, 2, true);
    await expect(use(bytes)).rejects.toMatchObject({
      code: 'corrupt-file',
      message: expect.stringContaining('update the library'),
    });
  });

  test('whose texts reach 4 GiB is refused, and nothing of it stays', async () => {
    const head = headOf(3);
    // Nothing is read of a text for which there is no room.
    const text = Object.defineProperty(new Uint8Array(0), 'length', { value: 2 ** 32 });
    const large: Part = Object.create(head, {
      stored: { value: () => ({ form: 0, text, metadata: new Uint8Array(0), hash: '0'.repeat(16) }) },
    });
    const folder = new MemoryFolder();
    await expect(writeSegment(folder, 'segment-1', [large], SPEC, scanner.heap)).rejects.toMatchObject({
      code: 'limits',
    });
    expect(await folder.names()).toEqual([]);
  });
});
