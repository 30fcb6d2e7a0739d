/**
 * What is known of a document besides its text: a plain object.
 *
 * ```ts
 * { language: 'sv', year: 2019, published: new Date('2019-03-01'), isDraft: false, tags: ['sea', 'birds'] }
 * ```
 *
 * Filters see strings, numbers, booleans, `Date`s and lists of strings (tags). Everything else is kept and handed out as it came, and only
 * `exists` can be asked of it. A field that is null or undefined is absent. A field may have values of different types in different documents.
 */
export interface Metadata {
  readonly [field: string]: unknown;
}

/** A value that conditions are made of. */
export type Scalar = string | number | boolean | Date;

/**
 * What must hold of a field:
 *
 * | condition | holds where the field |
 * | --- | --- |
 * | `'sv'`, `7`, `true`, a `Date` | equals it; a list of tags equals each of its tags |
 * | `null` | is absent |
 * | `['sv', 'no']` | equals one of them; null among them stands for absence |
 * | {@link Operators} | passes all of them |
 *
 * Values of different types are never equal, with one exception: an ISO date (`'2024-05-01'`, or with time and zone `'2024-05-01T12:00:00Z'`)
 * stands both for itself as a string and for the `Date` of that instant.
 */
export type Condition = Scalar | null | readonly (Scalar | null)[] | Operators;

/**
 * Operators of a field; a document must pass all that are given. `ne`, `notIn` and `exists: false` hold for documents without the field, the others
 * do not. Where a field is a list of tags, an operator holds if it does for one of the tags.
 *
 * ```ts
 * { year: { gte: 2010, lt: 2020 }, tags: { containsAll: ['sea', 'birds'] }, title: { startsWith: 'Arctic' } }
 * ```
 */
export interface Operators {
  /** Equals the value; null: is absent. */
  readonly eq?: Scalar | null;
  /** The opposite of `eq`. */
  readonly ne?: Scalar | null;
  /** Equals one of the values; none does for an empty list. */
  readonly in?: readonly (Scalar | null)[];
  /** The opposite of `in`. */
  readonly notIn?: readonly (Scalar | null)[];
  /** Is greater. Numbers compare with numbers, dates with dates as instants, strings with strings by their UTF-16 code units. */
  readonly gt?: string | number | Date;
  /** Is greater or equal. */
  readonly gte?: string | number | Date;
  /** Is less. */
  readonly lt?: string | number | Date;
  /** Is less or equal. */
  readonly lte?: string | number | Date;
  /** Whether the field has a value that is not null, of whatever type. */
  readonly exists?: boolean;
  /** Has the tag; a string is taken for a list of one tag. */
  readonly contains?: string;
  /** Has one of the tags at least. */
  readonly containsAny?: readonly string[];
  /** Has all of the tags; each document does for an empty list. */
  readonly containsAll?: readonly string[];
  /** A string, or one of the tags, begins so. */
  readonly startsWith?: string;
}

/**
 * Which documents take part in a search, as plain data: a condition for each field that matters, all of which must hold.
 *
 * ```ts
 * { language: ['sv', 'no'], year: { gte: 2010 }, not: { tags: 'draft' } }
 * { or: [{ author: 'Linnaeus' }, { published: { lt: new Date('1800-01-01') } }] }
 * ```
 *
 * Fields that are called `and`, `or`, `not` or `fields` are asked for in `fields`: `{ fields: { not: 7 } }`. In source text the field `__proto__`
 * is written `{ ['__proto__']: 7 }`.
 */
export interface Filter {
  /** All of these must hold; they do where there are none. */
  readonly and?: readonly Filter[];
  /** One of these must hold; none does where there are none. */
  readonly or?: readonly Filter[];
  /** This must not hold. */
  readonly not?: Filter;
  /** Conditions of fields of any name. */
  readonly fields?: { readonly [field: string]: Condition };
  readonly [field: string]:
    | Condition
    | Filter
    | readonly Filter[]
    | { readonly [field: string]: Condition }
    | undefined;
}
