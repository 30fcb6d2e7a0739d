import type { OnnxWeights } from '../../bench/lib/onnx.mjs';

/** Reads a safetensors file of F16 tensors into floats. */
export function readWeights(file: ArrayBuffer): OnnxWeights {
  const size = Number(new DataView(file).getBigUint64(0, true));
  const header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }> =
    JSON.parse(new TextDecoder().decode(new Uint8Array(file, 8, size)));
  const tensors = Object.entries(header).filter(([name]) => name !== '__metadata__');
  // All there are, as most of them occur many times.
  const floats = Float32Array.from({ length: 0x10000 }, (_, half) => fromHalf(half));
  return Object.fromEntries(
    tensors.map(([name, { dtype, shape, data_offsets: offsets }]) => {
      if (dtype !== 'F16') throw new Error(`${name} is ${dtype}; needed: F16.`);
      const [start, end] = offsets.map((offset) => 8 + size + offset);
      const halves = new Uint16Array(file.slice(start, end));
      const values = new Float32Array(halves.length);
      for (let i = 0; i < halves.length; i++) values[i] = floats[halves[i]];
      return [name, { shape, values }];
    }),
  );
}

function fromHalf(half: number): number {
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return half & 0x8000 ? -size : size;
}
