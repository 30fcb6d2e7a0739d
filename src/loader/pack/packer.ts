import { type BlockFormat, quantiseBlocks } from '../../encoder/block-codes.ts';
import { bytesOfCodes, putCodes, putScales } from '../../encoder/code-bytes.ts';
import type { EncoderConfig } from '../../encoder/config.ts';
import { allParts, partsOf } from '../../encoder/parts.ts';
import { ROW_SCALE_BYTES, type StoredForm, scalesOf } from '../../encoder/stored-form.ts';
import { toHalves } from '../../float16.ts';
import { release } from '../../release.ts';
import type { Precision } from '../../types.ts';
import type { TensorInfo } from '../safetensors.ts';
import type { Storage, StorageWriter } from '../storage/storage.ts';
import { type PackFile, type PackLayout, packedForm, packLayout } from './layout.ts';

/** Where the rows of a tensor go, and in what form. */
interface Destination {
  readonly form: StoredForm;
  readonly columns: number;
  readonly tensor?: TensorInfo;
  readonly scales?: TensorInfo;
}

/**
 * Writes the weights of a pack, some rows at a time and in any order: every byte has its place before the first one is there. To write
 * the same rows again changes nothing, so a conversion that broke off may repeat some.
 */
export class Packer {
  readonly layout: PackLayout;
  private readonly destinations = new Map<string, Destination>();
  private readonly writers = new Map<string, StorageWriter>();
  private readonly files: ReadonlyMap<string, PackFile>;

  constructor(
    config: EncoderConfig,
    precision: Precision,
    private readonly storage: Storage,
  ) {
    this.layout = packLayout(config, precision);
    const { layers, words } = this.layout;
    this.files = new Map([...layers, ...words].map((file) => [file.name, file]));
    const tensors = new Map(layers.flatMap((file) => file.tensors).map((tensor) => [tensor.name, tensor]));
    for (const part of allParts(partsOf(config))) {
      const form = packedForm(part, precision);
      const columns = part.shape.at(-1)!;
      for (const name of part.tensors) {
        const placed = { tensor: tensors.get(name), scales: tensors.get(scalesOf(name)) };
        this.destinations.set(name, { form, columns, ...placed });
      }
    }
  }

  /**
   * Writes rows `first` … of a tensor.
   *
   * @param values - `[rows, columns]`; a vector is one row.
   * @throws SternaError `storage-full`, `storage`.
   */
  async write(name: string, first: number, values: Float32Array): Promise<void> {
    const { form, columns, tensor, scales } = this.destinations.get(name)!;
    if (!tensor) return this.writeWords(form, columns, first, values);
    const rows = values.length / columns;
    if (form.kind !== 'blocks') {
      const bytes = numberBytes(form, values);
      await this.put(tensor.file, tensor.start + first * (bytes.length / rows), bytes);
      return letGo(bytes, values);
    }
    const coded = quantiseBlocks(values, rows, columns, form.format);
    const rowBytes = (columns * form.format.bits) / 8;
    const codes = bytesOfCodes(coded.codes, form.format.bits);
    const scaleBytes = new Uint8Array(2 * coded.scales.length);
    putScales(coded.scales, scaleBytes, 0);
    await this.put(tensor.file, tensor.start + first * rowBytes, codes);
    await this.put(scales!.file, scales!.start + first * 2 * coded.blocks, scaleBytes);
    for (const done of [codes, coded.codes, coded.scales, scaleBytes]) letGo(done, values);
  }

  /** Returns when all that was written is on the disk. */
  async flush(): Promise<void> {
    for (const writer of this.writers.values()) await writer.flush();
  }

  async close(): Promise<void> {
    for (const writer of this.writers.values()) await writer.close();
    this.writers.clear();
  }

  private async writeWords(
    form: StoredForm,
    columns: number,
    first: number,
    values: Float32Array,
  ): Promise<void> {
    const bytes = form.kind === 'rows' ? codedRows(values, columns, form.bits) : numberBytes(form, values);
    const { rowBytes, words } = this.layout;
    const end = first + values.length / columns;
    for (const { name, firstRow, rows, start } of words) {
      const [from, to] = [Math.max(first, firstRow), Math.min(end, firstRow + rows)];
      if (from >= to) continue;
      const ofShard = bytes.subarray((from - first) * rowBytes, (to - first) * rowBytes);
      await this.put(name, start + (from - firstRow) * rowBytes, ofShard);
    }
    letGo(bytes, values);
  }

  private async put(file: string, at: number, bytes: Uint8Array): Promise<void> {
    let writer = this.writers.get(file);
    if (!writer) {
      writer = await this.storage.writer(file);
      this.writers.set(file, writer);
      await writer.write(0, this.files.get(file)!.header);
    }
    await writer.write(at, bytes);
  }
}

function numberBytes(form: StoredForm, values: Float32Array): Uint8Array {
  const isHalf = form.kind === 'numbers' && form.dtype === 'F16';
  const { buffer, byteOffset, byteLength } = isHalf ? toHalves(values) : values;
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Frees what was made of numbers, and not those themselves. */
function letGo(made: Uint8Array | Int8Array | Float32Array, numbers: Float32Array): void {
  if (made.buffer !== numbers.buffer && made.byteLength > 0) release(made);
}

/** Rows that stand for themselves: a scale, then whole numbers. */
export function codedRows(values: Float32Array, columns: number, bits: 4 | 8): Uint8Array {
  const rows = values.length / columns;
  const format: BlockFormat = { bits, block: columns };
  const { codes, scales } = quantiseBlocks(values, rows, columns, format);
  const rowBytes = ROW_SCALE_BYTES + (columns * bits) / 8;
  const bytes = new Uint8Array(rows * rowBytes);
  for (let row = 0; row < rows; row++) {
    putScales(scales.subarray(row, row + 1), bytes, row * rowBytes);
    const ofRow = codes.subarray(row * columns, (row + 1) * columns);
    putCodes(ofRow, bits, bytes, row * rowBytes + ROW_SCALE_BYTES);
  }
  return bytes;
}
