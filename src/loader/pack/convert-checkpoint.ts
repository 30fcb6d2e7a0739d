import type { EncoderConfig } from '../../encoder/config.ts';
import { allParts, partsOf, prefixOf } from '../../encoder/parts.ts';
import { formOf } from '../../encoder/stored-form.ts';
import { SternaError } from '../../errors.ts';
import type { Precision } from '../../types.ts';
import type { Checkpoint } from '../checkpoint.ts';
import type { Storage } from '../storage/storage.ts';
import type { ConversionOptions } from './convert.ts';
import type { PackLayout } from './layout.ts';
import { Packer } from './packer.ts';
import { SlabNumbers, slabsOf } from './slab.ts';

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
  const numbers = new SlabNumbers();
  let loaded = 0;
  try {
    for (const part of parts) {
      const columns = part.shape.at(-1)!;
      for (const name of part.tensors) {
        const form = formOf(checkpoint.tensors, prefix + name, part);
        if (form.kind !== 'numbers' || form.transposed) {
          throw new SternaError(
            'unsupported-model',
            `Tensor ${name} is stored in whole numbers or by columns; needed to convert it: F32, F16 or BF16 by rows, as models are published.`,
          );
        }
        const info = checkpoint.tensors.get(prefix + name)!;
        for (const { first, count } of slabsOf(info)) {
          signal?.throwIfAborted();
          const bytes =
            part.shape.length > 1
              ? await checkpoint.readRows(prefix + name, first, first + count)
              : await checkpoint.read(prefix + name);
          await packer.write(name, first, numbers.of(bytes, info, first * columns));
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
