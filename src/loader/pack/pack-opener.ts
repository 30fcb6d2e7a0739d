import { SternaError } from '../../errors.ts';
import { type ModelFiles, readAll } from '../files.ts';
import { openModel } from '../model-folder.ts';
import type { ModelOpener } from '../model-opener.ts';
import { LONGEST_MANIFEST, MANIFEST, parseManifest } from './manifest.ts';
import { openPack } from './pack-folder.ts';

/** Opens files that are at hand: a pack, or a model as it was trained. */
export function openFiles(files: ModelFiles): ModelOpener {
  return async (_, onConfig) => {
    const file = await files.open(MANIFEST);
    if (!file) return openModel(files, onConfig);
    if (file.size > LONGEST_MANIFEST)
      throw new SternaError(
        'corrupt-file',
        `${MANIFEST} has ${file.size} bytes; needed: at most ${LONGEST_MANIFEST}.`,
      );
    const manifest = parseManifest(await readAll(file));
    const model = await openPack(manifest, async (name) => {
      const { size } = manifest.files.get(name)!;
      const found = await files.open(name);
      if (found?.size === size) return found;
      throw new SternaError(
        found ? 'corrupt-file' : 'model-not-found',
        `${name} in ${files.location} ${found ? `has ${found.size} bytes` : 'is missing'}; needed by ${MANIFEST}: ${size}. Copy the pack again.`,
      );
    });
    onConfig(model.config, model.precision);
    return model;
  };
}
