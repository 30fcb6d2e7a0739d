import { rowBytes } from '../vectors/code-layout.ts';
import type { VectorColumn } from '../vectors/vector-column.ts';
import type { CodeBlock, CodeColumn } from './gpu-column.ts';

/** A column of the processor as {@link GpuScanner.upload} takes it: views that are good until its next row. */
export function codeColumn(column: VectorColumn): CodeColumn {
  const { kind, dimensions, mean, layout, heap } = column;
  const blocks: CodeBlock[] = [];
  for (let i = 0; i < column.blockCount; i++) {
    const { address, rows, stride } = column.block(i);
    const bytes = heap.bytes.subarray(address, address + stride * rowBytes(layout));
    blocks.push({ bytes, rows, stride });
  }
  return { kind, dimensions, mean, blocks };
}
