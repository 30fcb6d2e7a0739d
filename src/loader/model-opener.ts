import type { EncoderConfig } from '../encoder/config.ts';
import type { Precision } from '../types.ts';
import type { ModelFiles } from './files.ts';
import { type ModelFolder, openModel } from './model-folder.ts';

/**
 * Opens a model.
 *
 * @param precision - asked for the number type to keep weights in, where they are to be converted.
 * @param onConfig - told of the shape, and of the number type that the weights are kept in where they are converted, before the rest
 *   is there.
 */
export type ModelOpener = (
  precision: (fallback: Precision | 'auto') => Promise<Precision>,
  onConfig: (config: EncoderConfig, stored?: Precision) => void,
) => Promise<ModelFolder>;

/** Opens a model whose files are taken as they are. */
export function openerOf(files: ModelFiles): ModelOpener {
  return (_, onConfig) => openModel(files, onConfig);
}
