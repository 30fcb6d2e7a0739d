import { SternaError } from '../../errors.ts';

/** What is thrown where a file contradicts itself. */
export function damaged(file: string, words: string): SternaError {
  return new SternaError('corrupt-file', `${file} is damaged, or no ONNX file: ${words}. Download it again.`);
}

/** What is thrown where a file may be in order, and is not understood. */
export function notUnderstood(file: string, words: string): SternaError {
  return new SternaError(
    'unsupported-model',
    `${file} is an ONNX file that Sterna does not understand: ${words}. Choose the export in float32 or float16 (model.onnx, model_fp16.onnx), or model.safetensors.`,
  );
}
