/** A range of values; without an end it goes on to the last one. */
export interface Range<T extends string | number> {
  readonly from?: T;
  readonly to?: T;
  /** Whether `from` itself is left out. */
  readonly isAfterFrom?: boolean;
  /** Whether `to` itself is left out. */
  readonly isBeforeTo?: boolean;
}

/** A question to the values of a field. Dates are milliseconds since 1970; a text is a string or one of the tags. */
export type ValueTest =
  | { readonly type: 'present' }
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: 'number' | 'date'; readonly range: Range<number> }
  | { readonly type: 'text'; readonly range: Range<string> };

/** Metadata of documents that are numbered from 0, as filters ask for it. */
export interface MetadataSource {
  readonly documents: number;

  /** Sets the bits of the documents whose field passes the test, in a bitmap of all documents. A field that there is not has no values. */
  match(field: string, test: ValueTest, into: Uint32Array): void;
}

export function isInRange<T extends string | number>(value: T, range: Range<T>): boolean {
  const { from, to, isAfterFrom, isBeforeTo } = range;
  if (from !== undefined && (isAfterFrom ? value <= from : value < from)) return false;
  return to === undefined || (isBeforeTo ? value < to : value <= to);
}
