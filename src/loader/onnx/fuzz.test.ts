import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SternaError } from '../../errors.ts';
import {
  bytes,
  floatBytes,
  integer,
  join,
  varint,
  writeInitialiser,
  writeModel,
  writeNode,
} from '../testing/onnx-writer.ts';
import { onnxWeights, readOnnx } from './index.ts';
import { collect, streamOf } from './testing/streams.ts';

const NEEDED = new Map<string, readonly number[]>([
  ['a.weight', [3, 2]],
  ['a.bias', [3]],
  ['t.weight', [2, 2]],
]);

/** Fields of the graph. */
const PARTS: readonly Uint8Array[] = [
  writeNode({ operator: 'Gather', inputs: ['t.weight', 'i'], outputs: ['x'], attributes: { axis: 0 } }),
  writeNode({ operator: 'Transpose', inputs: ['w'], outputs: ['v'], attributes: { perm: [1, 0] } }),
  writeNode({
    operator: 'Gemm',
    name: '/a/Gemm',
    inputs: ['x', 'v', 'a.bias'],
    outputs: ['y'],
    attributes: { alpha: 1.5 },
  }),
  writeNode({ operator: 'MatMul', name: '/a/MatMul', inputs: ['x', 'v'], outputs: ['y'] }),
  writeInitialiser({ name: 'w', dims: [3, 2], raw: floatBytes([1, 2, 3, 4, 5, 6]) }),
  writeInitialiser({ name: 's', dims: [1], floats: [1] }),
  writeInitialiser({ name: 'a.bias', dims: [3], raw: floatBytes([1, 2, 3]) }),
  writeInitialiser({
    name: 't.weight',
    dims: [2, 2],
    external: { location: 'd', offset: '8', length: '16' },
  }),
];
const VALID: Uint8Array = writeModel(...PARTS);

const HUGE = [
  varint(-1),
  varint(2n ** 31n),
  varint(2n ** 53n),
  varint(2n ** 63n),
  new Uint8Array(12).fill(0xff),
];

interface Change {
  readonly kind: number;
  /** Places in the file, as shares of its length. */
  readonly at: number;
  readonly other: number;
  /** A bit, a byte, a number or a field. */
  readonly value: number;
}

const place = fc.nat({ max: 9999 }).map((share) => share / 10_000);
const damage: fc.Arbitrary<readonly Change[]> = fc.array(
  fc.record({ kind: fc.nat({ max: 7 }), at: place, other: place, value: fc.nat({ max: 255 }) }),
  { minLength: 1, maxLength: 3 },
);

const anyPart = fc.nat({ max: 2 * PARTS.length });

/** One change to a file, of a kind that damage or malice makes. */
function mutate(file: Uint8Array, { kind, value, ...shares }: Change): Uint8Array {
  const [at, other] = [shares.at, shares.other].map((share) => Math.floor(share * file.length));
  const [from, to] = [Math.min(at, other), Math.max(at, other)];
  const piece = file.subarray(from, Math.min(to, from + 40));
  const field = 1 + (value % 14);
  switch (kind) {
    case 0:
      return join(file.subarray(0, at), Uint8Array.of(file[at] ^ (1 << (value % 8))), file.subarray(at + 1));
    case 1:
      return join(file.subarray(0, at), Uint8Array.of(value), file.subarray(at + 1));
    case 2:
      return file.slice(0, at);
    case 3:
      return join(file.subarray(0, from), file.subarray(from + (value % 16)));
    case 4:
      return join(file.subarray(0, at), piece, file.subarray(at));
    case 5:
      return join(file.subarray(0, at), HUGE[value % HUGE.length], file.subarray(at + 1));
    case 6:
      return join(file.subarray(0, at), bytes(field, piece), file.subarray(at));
    default:
      return join(file.subarray(0, at), integer(field, 128 - value), file.subarray(at));
  }
}

/** A file with damage within one field of the graph, whose length is put right again; or anywhere, where there is no such field. */
function damaged(changes: readonly Change[], part: number): Uint8Array {
  if (part >= PARTS.length) return changes.reduce(mutate, VALID);
  // A part is a tag of one byte, a length of one byte, and a message.
  const parts = PARTS.map((field, i) =>
    i === part ? bytes(field[0] >> 3, changes.reduce(mutate, field.subarray(2))) : field,
  );
  return writeModel(...parts);
}

/** How the reading of a file ends: with nothing, or with the code of a SternaError. Weights that come are in the file, each once. */
async function read(file: Uint8Array, readsBytes: boolean): Promise<string> {
  const stream = streamOf(file);
  const weights = onnxWeights(stream, NEEDED);
  const names = new Set<string>();
  try {
    for await (const { name, file: where, start, end, shape } of weights.tensors) {
      if (names.has(name) || end < start || !NEEDED.has(name)) throw new Error(`${name} is wrong.`);
      names.add(name);
      if (where !== stream.name) continue;
      if (start !== stream.position || end - start < 2 * shape[0]) throw new Error(`${name} is elsewhere.`);
      if (readsBytes) await stream.read(end - start);
      weights.state();
    }
    return names.size === NEEDED.size ? '' : 'some did not come';
  } catch (error) {
    if (error instanceof SternaError) return error.code;
    throw error;
  }
}

test('of 100,000 damaged files each gives its weights or one of the errors that are documented', async () => {
  const ends = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(damage, anyPart, fc.boolean(), async (changes, part, readsBytes) => {
      const end = await read(damaged(changes, part), readsBytes);
      ends.set(end, (ends.get(end) ?? 0) + 1);
    }),
    { numRuns: 100_000 },
  );
  // All of them occur, so the files are damaged in all depths.
  const codes = ['', 'corrupt-file', 'missing-tensor', 'tensor-shape', 'unsupported-model'];
  expect([...ends.keys()].sort()).toEqual(codes);
  for (const [end, count] of ends) expect(count, end).toBeGreaterThan(100);
}, 120_000);

test('from a damaged state reading goes on, or is refused as documented', async () => {
  const weights = onnxWeights(streamOf(VALID), NEEDED);
  for await (const { name } of weights.tensors) if (name === 'a.bias') break;
  const { position } = weights.stream;
  const state = new TextEncoder().encode(weights.state());
  await fc.assert(
    fc.asyncProperty(damage, async (changes) => {
      const text = new TextDecoder().decode(changes.reduce(mutate, state));
      try {
        await collect(readOnnx(streamOf(VALID, 'model.onnx', position), NEEDED, text));
      } catch (error) {
        if (!(error instanceof SternaError)) throw error;
      }
    }),
    { numRuns: 10_000 },
  );
}, 60_000);
