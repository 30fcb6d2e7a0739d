import type { EncoderConfig } from '../../encoder/config.ts';
import { allParts, partsOf, prefixOf } from '../../encoder/parts.ts';
import { formOf } from '../../encoder/stored-form.ts';
import { SternaError } from '../../errors.ts';
import type { Precision } from '../../types.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { numberReader } from '../dtype.ts';
import { checkFinite } from '../finite.ts';
import type { Storage } from '../storage/storage.ts';
import type { ConversionOptions } from './convert.ts';
import type { PackLayout } from './layout.ts';
import { Packer } from './packer.ts';

/** Bytes of a tensor that are converted at a time. */
const SLAB = 4 * 2 ** 20;

/**
 * Converts a checkpoint that is at hand to the files of a pack.
 *
 * @throws SternaError `missing-tensor`, `tensor-shape`, `tensor-dtype`, `corrupt-file`, `unsupported-model` where it was quantised already;
 *   as the storage says.
 */
export async function convertCheckpoint(
  checkpoint: Checkpoint,
  config: EncoderConfig,
  precision: Precision,
  storage: Storage,
  { signal, onProgress }: ConversionOptions = {},
): Promise<PackLayout> {
  const packer = new Packer(config, precision, storage);
  const prefix = prefixOf(checkpoint.tensors);
  const parts = allParts(partsOf(config));
  const infos = parts.flatMap(({ tensors }) => tensors.map((name) => checkpoint.tensors.get(prefix + name)));
  const total = infos.reduce((sum, info) => sum + (info ? info.end - info.start : 0), 0);
  let loaded = 0;
  try {
    for (const part of parts) {
      const columns = part.shape.at(-1)!;
      const rows = part.shape.length > 1 ? part.shape[0] : 1;
      for (const name of part.tensors) {
        const form = formOf(checkpoint.tensors, prefix + name, part);
        if (form.kind !== 'numbers' || form.transposed) {
          throw new SternaError(
            'unsupported-model',
            `Tensor ${name} is stored in whole numbers or by columns; needed to convert it: F32, F16 or BF16 by rows, as models are published.`,
          );
        }
        const info = checkpoint.tensors.get(prefix + name)!;
        const { start, end } = info;
        const slab = Math.max(1, Math.floor(SLAB / ((end - start) / rows)));
        for (let row = 0; row < rows; row += slab) {
          signal?.throwIfAborted();
          const last = Math.min(rows, row + slab);
          const bytes =
            rows === 1
              ? await checkpoint.read(prefix + name)
              : await checkpoint.readRows(prefix + name, row, last);
          const reader = numberReader(bytes, form.dtype);
          const values = new Float32Array((last - row) * columns);
          reader.copy(0, values.length, values, 0);
          checkFinite(reader, info, row * columns);
          await packer.write(name, row, values);
          loaded += bytes.length;
          onProgress?.(loaded, total);
        }
      }
    }
    await packer.flush();
    return packer.layout;
  } finally {
    await packer.close();
  }
}
