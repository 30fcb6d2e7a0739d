import { andBits, makeBitmap, notBits, orBits } from '../bitmap.ts';
import type { MetadataSource, ValueTest } from './source.ts';

/** A filter that has been checked, as questions to fields and what is made of the answers. */
export type CompiledFilter =
  | { readonly type: 'test'; readonly field: string; readonly test: ValueTest }
  | { readonly type: 'and' | 'or'; readonly parts: readonly CompiledFilter[] }
  | { readonly type: 'not'; readonly part: CompiledFilter };

/** Bitmap of the documents that pass the filter. */
export function evaluate(filter: CompiledFilter, columns: MetadataSource): Uint32Array<ArrayBuffer> {
  const { documents } = columns;
  if (filter.type === 'and') return all(filter.parts, columns);
  if (filter.type === 'not') {
    const bitmap = evaluate(filter.part, columns);
    notBits(bitmap, documents);
    return bitmap;
  }
  const bitmap = makeBitmap(documents);
  if (filter.type === 'test') columns.match(filter.field, filter.test, bitmap);
  else for (const part of filter.parts) addTo(bitmap, part, columns);
  return bitmap;
}

function all(parts: readonly CompiledFilter[], columns: MetadataSource): Uint32Array<ArrayBuffer> {
  const { documents } = columns;
  if (parts.length === 0) return makeBitmap(documents, documents);
  const bitmap = evaluate(parts[0], columns);
  for (const part of parts.slice(1)) andBits(bitmap, evaluate(part, columns));
  return bitmap;
}

/** Tests add to a bitmap by themselves, so that a long `in` needs no bitmap for each value. */
function addTo(bitmap: Uint32Array, part: CompiledFilter, columns: MetadataSource): void {
  if (part.type === 'test') columns.match(part.field, part.test, bitmap);
  else orBits(bitmap, evaluate(part, columns));
}
