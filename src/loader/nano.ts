/**
 * The files of the model that comes with the package. Each address is spelled out whole, as bundlers look for just this
 * expression to take the file along.
 */
export function nanoSource(): Record<string, URL> {
  return {
    'config.json': new URL('../../models/nano/config.json', import.meta.url),
    'tokenizer.json': new URL('../../models/nano/tokenizer.json', import.meta.url),
    'model.safetensors': new URL('../../models/nano/model.safetensors', import.meta.url),
  };
}
