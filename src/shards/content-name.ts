/** Hexadecimal digits of a hash in a name. */
const DIGITS = 16;

/** A name that says what is in the file: equal bytes have equal names, and a file never changes under its name. */
export async function contentName(kind: string, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const digits = Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${kind}-${digits.slice(0, DIGITS)}.bin`;
}

/** Whether a name is one of these, so that it cannot lead to another folder. */
export function isContentName(name: unknown, kind: string): name is string {
  return typeof name === 'string' && new RegExp(`^${kind}-[0-9a-f]{${DIGITS}}\\.bin$`).test(name);
}
