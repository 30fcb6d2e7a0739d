/** Whether the metadata passes the filter, by the words of the documentation, a document at a time. */
export function passes(metadata: object | undefined, filter: object): boolean {
  return Object.entries(filter).every(([key, value]) => {
    if (key === 'and') return value.every((part: object) => passes(metadata, part));
    if (key === 'or') return value.some((part: object) => passes(metadata, part));
    if (key === 'not') return !passes(metadata, value);
    const conditions = key === 'fields' ? Object.entries(value) : [[key, value]];
    return conditions.every(([field, condition]) => holds(ownValue(metadata, field), condition));
  });
}

function ownValue(metadata: object | undefined, field: string): unknown {
  return Object.entries(metadata ?? {}).find(([key]) => key === field)?.[1];
}

function holds(value: unknown, condition: unknown): boolean {
  if (Array.isArray(condition)) return condition.some((one) => equal(value, one));
  if (typeof condition !== 'object' || condition === null || condition instanceof Date)
    return equal(value, condition);
  return Object.entries(condition).every(([operator, operand]) => passesOperator(value, operator, operand));
}

function passesOperator(value: unknown, operator: string, operand: unknown): boolean {
  if (operator === 'eq') return equal(value, operand);
  if (operator === 'ne') return !equal(value, operand);
  const operands = Array.isArray(operand) ? operand : [];
  if (operator === 'in') return operands.some((one) => equal(value, one));
  if (operator === 'notIn') return !operands.some((one) => equal(value, one));
  if (operator === 'exists') return operand === (value !== undefined && value !== null);
  if (operator === 'contains') return textsOf(value).includes(operand as string);
  if (operator === 'containsAny') return operands.some((tag) => textsOf(value).includes(tag));
  if (operator === 'containsAll') return operands.every((tag) => textsOf(value).includes(tag));
  if (operator === 'startsWith') return textsOf(value).some((text) => text.startsWith(operand as string));
  return pairs(value, operand).some(([a, b]) => {
    if (operator === 'gt') return a > b;
    if (operator === 'gte') return a >= b;
    return operator === 'lt' ? a < b : a <= b;
  });
}

function equal(value: unknown, operand: unknown): boolean {
  if (operand === null) return value === undefined || value === null;
  if (typeof operand === 'boolean') return value === operand;
  return pairs(value, operand).some(([a, b]) => a === b);
}

/** What is compared with what. */
function pairs(value: unknown, operand: unknown): [string | number, string | number][] {
  if (typeof operand === 'number') return typeof value === 'number' ? [[value, operand]] : [];
  if (value instanceof Date) {
    const isDate =
      operand instanceof Date || (typeof operand === 'string' && /^\d{4}-\d\d-\d\d/.test(operand));
    return isDate ? [[value.getTime(), new Date(operand as string | Date).getTime()]] : [];
  }
  return typeof operand === 'string' ? textsOf(value).map((text) => [text, operand]) : [];
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) && value.every((tag) => typeof tag === 'string') ? value : [];
}
