import type { SchemaElement } from 'hyparquet';
import type { FieldColumn } from './columns.ts';

/** The columns of an export: the passages', the metadata fields', the vectors. */
export function exportSchema(fields: readonly FieldColumn[]): SchemaElement[] {
  const columns: SchemaElement[][] = [
    [text('id', 'REQUIRED')],
    ...['passage', 'start', 'end'].map((name): SchemaElement[] => [
      { name, type: 'INT32', repetition_type: 'REQUIRED' },
    ]),
    [text('text', 'REQUIRED')],
    [text('document', 'OPTIONAL')],
    [text('metadata', 'OPTIONAL')],
    ...fields.map(fieldSchema),
    list('vector', { name: 'element', type: 'FLOAT', repetition_type: 'REQUIRED' }),
  ];
  return [{ name: 'schema', num_children: columns.length }, ...columns.flat()];
}

function fieldSchema({ name, type }: FieldColumn): SchemaElement[] {
  const repetition_type = 'OPTIONAL';
  switch (type) {
    case 'string':
      return [text(name, repetition_type)];
    case 'number':
      return [{ name, type: 'DOUBLE', repetition_type }];
    case 'boolean':
      return [{ name, type: 'BOOLEAN', repetition_type }];
    case 'date':
      return [{ name, type: 'INT64', converted_type: 'TIMESTAMP_MILLIS', repetition_type }];
    case 'tags':
      return list(name, text('element', 'REQUIRED'));
  }
}

function text(name: string, repetition_type: 'REQUIRED' | 'OPTIONAL'): SchemaElement {
  return {
    name,
    type: 'BYTE_ARRAY',
    converted_type: 'UTF8',
    logical_type: { type: 'STRING' },
    repetition_type,
  };
}

/** In three levels, as the format says: whether there is one, its entries, the entry. */
function list(name: string, element: SchemaElement): SchemaElement[] {
  return [
    {
      name,
      converted_type: 'LIST',
      logical_type: { type: 'LIST' },
      repetition_type: 'OPTIONAL',
      num_children: 1,
    },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    element,
  ];
}

/** Deepest nesting and most elements of a schema that is read. */
const MOST_DEPTH = 32;
const MOST_ELEMENTS = 10_000;

/**
 * The ways from below the root to the values of all columns, by `join('.')` of their names.
 *
 * @throws RangeError for a schema that is no tree, or too large a one.
 */
export function columnPaths(schema: readonly SchemaElement[]): Map<string, readonly SchemaElement[]> {
  if (schema.length > MOST_ELEMENTS) throw new RangeError(`the schema has ${schema.length} elements`);
  const paths = new Map<string, readonly SchemaElement[]>();
  let at = 0;

  function visit(path: readonly SchemaElement[]): void {
    const element = schema[at++];
    if (!element || path.length > MOST_DEPTH) throw new RangeError('the schema is no tree');
    const { num_children: children = 0, type, name } = element;
    const here = at === 1 ? [] : [...path, element];
    if (!Number.isInteger(children) || children < 0 || (type ? children > 0 : typeof name !== 'string'))
      throw new RangeError('the schema is no tree');
    for (let i = 0; i < children; i++) visit(here);
    if (type) paths.set(here.map((part) => part.name).join('.'), here);
  }

  visit([]);
  if (at !== schema.length) throw new RangeError('the schema is no tree');
  return paths;
}
