import { expect, test } from 'vitest';
import { SternaError } from '../errors.ts';
import { describeError, reviveError } from './error-message.ts';

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
