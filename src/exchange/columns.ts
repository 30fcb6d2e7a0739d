import type { ColumnType, ExchangeRow } from './exchange.ts';
import { invalid } from './refusals.ts';

/** The columns of every export, before those of metadata fields. */
export const COLUMNS = ['id', 'passage', 'start', 'end', 'text', 'document', 'metadata', 'vector'] as const;

/** A metadata field with a column of its own. */
export interface FieldColumn {
  readonly name: string;
  readonly type: ColumnType;
}

const TYPES: readonly ColumnType[] = ['string', 'number', 'boolean', 'date', 'tags'];

/** Most columns that are made without being asked for. */
const MOST_COLUMNS = 64;

/** Names that every reader takes as they are: LanceDB refuses dots, and quotes are trouble everywhere. */
const PLAIN_NAME = /^[\p{L}_][\p{L}\p{N}_-]{0,62}$/u;

/** Databases do not tell `Text` from `text`. */
const isFree = (name: string) => !COLUMNS.some((column) => column === name.toLowerCase());

/** Columns that were asked for. @throws SternaError `invalid-input`. */
export function givenColumns(columns: Readonly<Record<string, ColumnType>>): FieldColumn[] {
  return Object.entries(columns).map(([name, type]) => {
    if (!isFree(name))
      throw invalid(`"${name}" cannot be a metadata column: there is one already. Leave it out.`);
    if (!TYPES.includes(type))
      throw invalid(`The type of column "${name}" is ${type}; needed: ${TYPES.join(', ')}.`);
    return { name, type };
  });
}

/** Fields that have one type in all of the rows that have them. */
export function foundColumns(rows: readonly ExchangeRow[]): FieldColumn[] {
  const types = new Map<string, ColumnType | undefined>();
  for (const { metadata = {} } of rows) {
    for (const [name, value] of Object.entries(metadata)) {
      if (value === null || value === undefined) continue;
      const type = typeOf(value);
      types.set(name, types.has(name) && types.get(name) !== type ? undefined : type);
    }
  }
  const found = new Map<string, FieldColumn>();
  for (const [name, type] of types) {
    const key = name.toLowerCase();
    if (type && isFree(name) && PLAIN_NAME.test(name) && !found.has(key)) found.set(key, { name, type });
  }
  return [...found.values()].slice(0, MOST_COLUMNS);
}

/** The value of a field in its column; null where it has none or one of another type. */
export function cellOf({ metadata }: ExchangeRow, { name, type }: FieldColumn): unknown {
  const value = metadata && Object.hasOwn(metadata, name) ? metadata[name] : undefined;
  return value !== undefined && value !== null && typeOf(value) === type ? value : null;
}

function typeOf(value: unknown): ColumnType | undefined {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return typeof value as ColumnType;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : 'date';
  return Array.isArray(value) && value.every((tag) => typeof tag === 'string') ? 'tags' : undefined;
}
