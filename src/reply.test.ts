import { expect, test } from 'vitest';
import { describeError } from './describe-error.ts';
import { SternaError } from './errors.ts';
import { reviveError, unwrap } from './reply.ts';

/** On its way between threads. */
const across = (error: unknown) => reviveError(structuredClone(describeError(error)));

test('a SternaError keeps its class, code, message and stack', () => {
  const error = new SternaError('text-too-long', 'Too long.');
  const revived = across(error);
  expect(revived).toBeInstanceOf(SternaError);
  expect(revived).toMatchObject({
    code: 'text-too-long',
    message: 'Too long.',
    name: 'SternaError [text-too-long]',
    stack: error.stack,
  });
});

test('another error keeps its name and message', () => {
  expect(across(new DOMException('Stopped.', 'AbortError'))).toMatchObject({
    name: 'AbortError',
    message: 'Stopped.',
  });
});

test('what is no error becomes one', () => {
  expect(across('gone')).toMatchObject({ name: 'Error', message: 'gone' });
});

test('a reply is unwrapped to its value or its error', () => {
  expect(unwrap({ ok: true, value: 7 })).toBe(7);
  expect(() => unwrap({ ok: false, error: describeError(new SternaError('storage', 'Full.')) })).toThrow(
    'Full.',
  );
});
