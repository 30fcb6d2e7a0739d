/**
 * Every way in which Sterna refuses. The code is the stable part: branch on it, show the message.
 *
 * | code | raised when |
 * | --- | --- |
 * | `invalid-input` | an argument has the wrong type or value |
 * | `invalid-dimensions` | `dimensions` is not a size that the model was trained for |
 * | `invalid-vector` | a vector holds NaN or infinity, is all zeros, or has the wrong length |
 * | `duplicate-id` / `unknown-id` | an id is already in the index / is not in it |
 * | `text-too-long` | `truncate: 'error'` and the text has more tokens than the model takes |
 * | `space-mismatch` | vectors of different models, dimensions or prefixes would be mixed |
 * | `model-not-found` | a file of the model is missing (or the network says so) |
 * | `network` | a download failed |
 * | `corrupt-file` | a file is truncated or is not what its name says |
 * | `source-changed` | a file became another one on the server while it was downloaded, twice in a row |
 * | `storage-full` | there is room for the model neither in the site's storage nor in memory |
 * | `storage` | the site's storage cannot be used |
 * | `wrong-vectors` | a model does not give the vectors that are known of it |
 * | `unsupported-model` | a readable checkpoint of an architecture or size that Sterna does not run |
 * | `missing-tensor` / `tensor-shape` / `tensor-dtype` | a checkpoint lacks a tensor, or it is misshapen |
 * | `no-tokenizer` | text was given to a model that came without tokenizer.json |
 * | `no-webgpu` | WebGPU was asked for and there is no adapter |
 * | `no-wasm` | WebAssembly was asked for and the engine has none, or none with SIMD |
 * | `no-float16` | precision `f16` was asked for and the GPU has no float16 |
 * | `limits` | a buffer would be larger than this device allows |
 * | `device-lost` | the GPU went away |
 * | `wrong-results` | a device gave other numbers than the reference when it was checked at load |
 * | `not-finite` | a device gave NaN or infinity |
 * | `worker` | the worker could not be started or has died |
 * | `disposed` | the object was used after `dispose()` |
 */
export type SternaErrorCode =
  | 'invalid-input'
  | 'invalid-dimensions'
  | 'invalid-vector'
  | 'duplicate-id'
  | 'unknown-id'
  | 'text-too-long'
  | 'space-mismatch'
  | 'model-not-found'
  | 'network'
  | 'corrupt-file'
  | 'source-changed'
  | 'storage-full'
  | 'storage'
  | 'wrong-vectors'
  | 'unsupported-model'
  | 'missing-tensor'
  | 'tensor-shape'
  | 'tensor-dtype'
  | 'no-tokenizer'
  | 'no-webgpu'
  | 'no-wasm'
  | 'no-float16'
  | 'limits'
  | 'device-lost'
  | 'wrong-results'
  | 'not-finite'
  | 'worker'
  | 'disposed';

/**
 * The one error class of the library. Its message says what was found, what was needed and what to do.
 *
 * `name` carries the code as well (`SternaError [no-webgpu]`), so that it is still readable where an error
 * was serialised as `{ name, message, stack }` on its way.
 */
export class SternaError extends Error {
  readonly code: SternaErrorCode;

  constructor(code: SternaErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = `SternaError [${code}]`;
  }
}
