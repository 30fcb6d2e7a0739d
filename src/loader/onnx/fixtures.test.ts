import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../encoder/config.ts';
import { allParts, partsOf } from '../../encoder/parts.ts';
import { streamOfFile } from '../byte-stream.ts';
import { fileOfBlob, type ModelFile } from '../files.ts';
import type { IncomingTensor } from '../incoming.ts';
import { readHeader } from '../safetensors.ts';
import { refusal } from '../testing/refusal.ts';
import { onnxWeights, readOnnx } from './index.ts';

const folder = new URL('../../../../shared/fixtures/', import.meta.url);

function open(model: string, name: string): ModelFile {
  return fileOfBlob(name, new Blob([readFileSync(new URL(`${model}/${name}`, folder))]));
}

/** The weights that the encoder reads, with their shapes. */
function neededBy(model: string): Map<string, readonly number[]> {
  const config = parseConfig(JSON.parse(readFileSync(new URL(`${model}/config.json`, folder), 'utf8')));
  return new Map(
    allParts(partsOf(config)).flatMap(({ tensors, shape }) => tensors.map((name) => [name, shape] as const)),
  );
}

/** Bytes of a matrix `[rows, columns]` as those of the transposed one. */
function transpose(bytes: Uint8Array, [rows, columns]: readonly number[], size: number): Uint8Array {
  const result = new Uint8Array(bytes.length);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++)
      for (let b = 0; b < size; b++) result[(c * rows + r) * size + b] = bytes[(r * columns + c) * size + b];
  return result;
}

/** Reads all weights, in the checkpoint's order of bytes. */
async function readAll(model: string, name: string): Promise<Map<string, [IncomingTensor, Uint8Array]>> {
  const stream = streamOfFile(open(model, name));
  const result = new Map<string, [IncomingTensor, Uint8Array]>();
  for await (const tensor of readOnnx(stream, neededBy(model))) {
    expect(stream.position, tensor.name).toBe(tensor.start);
    const bytes = await stream.read(tensor.end - tensor.start);
    const size = tensor.dtype === 'F32' ? 4 : 2;
    const turned = tensor.transposed ? transpose(bytes, tensor.shape.toReversed(), size) : bytes;
    result.set(tensor.name, [tensor, turned]);
  }
  return result;
}

/** The same weights as the checkpoint has them. */
async function checkpointOf(model: string): Promise<Map<string, Float32Array>> {
  const file = open(model, 'model.safetensors');
  const needed = neededBy(model);
  const result = new Map<string, Float32Array>();
  for (const { name, start, end } of await readHeader(file)) {
    if (needed.has(name)) result.set(name, new Float32Array((await file.read(start, end)).slice().buffer));
  }
  return result;
}

function halfValue(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const size = exponent === 0 ? (bits & 1023) * 2 ** -24 : (1024 + (bits & 1023)) * 2 ** (exponent - 25);
  return bits & 0x8000 ? -size : size;
}

/** Whether no neighbour of a float16 is nearer to the value. */
function isNearest(bits: number, value: number): boolean {
  const distance = Math.abs(halfValue(bits) - value);
  const neighbours = (bits & 0x7fff) === 0 ? [0x0001, 0x8001] : [bits - 1, bits + 1];
  return neighbours.every((other) => distance <= Math.abs(halfValue(other) - value));
}

describe.skipIf(!existsSync(folder))('the fixtures (skipped where ../shared/fixtures is absent)', () => {
  describe.each(['xlmr-tiny', 'gte-tiny'])('%s', (model) => {
    test('has the checkpoint’s weights in model.onnx, bit for bit', async () => {
      const expected = await checkpointOf(model);
      const found = await readAll(model, 'onnx/model.onnx');
      expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
      for (const [name, [tensor, bytes]] of found) {
        expect(tensor.dtype).toBe('F32');
        const wanted = new Uint8Array(expected.get(name)!.buffer);
        expect(Buffer.compare(bytes, wanted), name).toBe(0);
      }
    });

    test('has the checkpoint’s weights in model_fp16.onnx, rounded to the nearest float16', async () => {
      const expected = await checkpointOf(model);
      const found = await readAll(model, 'onnx/model_fp16.onnx');
      expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
      for (const [name, [tensor, bytes]] of found) {
        expect(tensor.dtype).toBe('F16');
        const halves = new Uint16Array(bytes.slice().buffer);
        const wrong = halves.findIndex((bits, i) => !isNearest(bits, expected.get(name)![i]));
        expect(wrong, `${name}: ${halves[wrong]} for ${expected.get(name)![wrong]}`).toBe(-1);
      }
    });

    test('is refused with its operator in model_quantized.onnx, before any weight', async () => {
      const stream = streamOfFile(open(model, 'onnx/model_quantized.onnx'));
      const message = await refusal(() => readOnnx(stream, neededBy(model)).next());
      expect(message).toMatch(
        /^unsupported-model: onnx\/model_quantized\.onnx .*quantised \(there is a node \w+\)/,
      );
    });

    test('can be gone on with at every tensor, by a state of some kilobytes', async () => {
      const file = open(model, 'onnx/model.onnx');
      const needed = neededBy(model);
      const weights = onnxWeights(streamOfFile(file), needed);
      const saved: { position: number; state: string }[] = [];
      const names: string[] = [];
      for await (const { name } of weights.tensors) {
        saved.push({ position: weights.stream.position, state: weights.state()! });
        names.push(name);
      }
      for (const [i, { position, state }] of saved.entries()) {
        expect(state.length).toBeLessThan(5000);
        const rest: string[] = [];
        for await (const { name } of readOnnx(streamOfFile(file, position), needed, state)) rest.push(name);
        expect(rest).toEqual(names.slice(i));
      }
    });
  });
});
