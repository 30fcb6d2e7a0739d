import type { Precision } from '../../src/index.ts';
import type { Adapter } from './machine.ts';

/** An engine in one of the ways in which it can run. */
export interface Lane {
  /** As the benches call it, such as `sterna wasm q8`. */
  readonly name: string;
  readonly engine: 'sterna' | 'onnxruntime';
  readonly device: 'wasm' | 'webgpu';
  readonly precision: Precision | 'int8';
  /** On `wasm`; elsewhere 1. */
  readonly threads: number;
  /** Whether it stays out where there is much to do. */
  readonly shortOnly: boolean;
}

/** Up to so many tokens one thread may be faster than several, whose waking takes time. */
export const SHORT_TOKENS = 512;

/**
 * All lanes of a machine. On the processor, both engines run with one thread as well, where that may be their best.
 *
 * @param adapter - nothing where WebGPU is to stay out.
 */
export function lanesOf(threads: number, adapter: Adapter | undefined): Lane[] {
  const onWasm = (engine: Lane['engine'], precisions: readonly Lane['precision'][]) =>
    [...new Set([threads, 1])].flatMap((count) =>
      precisions.map((precision) => lane(engine, 'wasm', precision, count, count < threads)),
    );
  const onWebgpu = (engine: Lane['engine'], precisions: readonly Lane['precision'][]) =>
    precisions.map((precision) => lane(engine, 'webgpu', precision));
  const ours = adapter?.halves ? (['f32', 'f16', 'q8', 'q4'] as const) : (['f32', 'q8', 'q4'] as const);
  return [
    ...onWasm('sterna', ['f32', 'q8']),
    ...(adapter ? onWebgpu('sterna', ours) : []),
    ...onWasm('onnxruntime', ['f32', 'int8']),
    ...(adapter ? onWebgpu('onnxruntime', ['f32']) : []),
  ];
}

function lane(
  engine: Lane['engine'],
  device: Lane['device'],
  precision: Lane['precision'],
  threads = 1,
  shortOnly = false,
): Lane {
  return { name: `${engine} ${device} ${precision}`, engine, device, precision, threads, shortOnly };
}
