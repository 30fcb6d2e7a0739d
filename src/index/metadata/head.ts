import { setBit } from '../bitmap.ts';
import { isInRange, type MetadataSource, type Range, type ValueTest } from './source.ts';
import type { Metadata } from './types.ts';
import { ValueDocuments } from './value-documents.ts';
import { WordList } from './word-list.ts';

/** What the documents have in a field. */
export class HeadField {
  readonly present = new WordList();
  readonly booleans = new ValueDocuments<boolean>();
  readonly numbers = new ValueDocuments<number>();
  readonly dates = new ValueDocuments<number>();
  /** Strings and tags. */
  readonly texts = new ValueDocuments<string>();

  add(value: unknown, document: number): void {
    this.present.push(document);
    if (typeof value === 'boolean') this.booleans.add(value, document);
    else if (typeof value === 'string') this.texts.add(value, document);
    else if (typeof value === 'number' && !Number.isNaN(value)) this.numbers.add(value, document);
    else if (value instanceof Date && !Number.isNaN(value.getTime()))
      this.dates.add(value.getTime(), document);
    else if (Array.isArray(value) && value.every((tag) => typeof tag === 'string')) {
      for (const tag of value) this.texts.add(tag, document);
    }
  }
}

/** Metadata of documents that come one by one. */
export class MetadataHead implements MetadataSource {
  /** By name. */
  readonly fields = new Map<string, HeadField>();
  private count = 0;

  get documents(): number {
    return this.count;
  }

  /** The next document; undefined: it has no metadata. */
  add(metadata: Metadata | undefined): void {
    const document = this.count++;
    for (const name of Object.keys(metadata ?? {})) {
      const value = metadata?.[name];
      if (value !== undefined && value !== null) this.field(name).add(value, document);
    }
  }

  match(name: string, test: ValueTest, into: Uint32Array): void {
    const field = this.fields.get(name);
    if (!field) return;
    if (test.type === 'present') for (const document of field.present.words) setBit(into, document);
    else if (test.type === 'boolean') field.booleans.mark(test.value, into);
    else if (test.type === 'text') markRange(field.texts, test.range, into);
    else markRange(test.type === 'number' ? field.numbers : field.dates, test.range, into);
  }

  private field(name: string): HeadField {
    const known = this.fields.get(name);
    if (known) return known;
    const field = new HeadField();
    this.fields.set(name, field);
    return field;
  }
}

function markRange<T extends string | number>(
  values: ValueDocuments<T>,
  range: Range<T>,
  into: Uint32Array,
): void {
  if (range.from !== undefined && range.from === range.to && !range.isAfterFrom && !range.isBeforeTo) {
    values.mark(range.from, into);
    return;
  }
  for (const value of values.all()) if (isInRange(value, range)) values.mark(value, into);
}
