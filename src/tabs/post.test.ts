import { afterEach, expect, test } from 'vitest';
import type { Message } from './messages.ts';
import { Post } from './post.ts';

type TestMessage = Message<never, never, never, never>;

const posts: Post<TestMessage>[] = [];
afterEach(() => {
  for (const post of posts.splice(0)) post.close();
});

/** A tab at the channels of this process, and what it hears. */
function tab(name: string, self: string) {
  const heard: TestMessage[] = [];
  const post = new Post<TestMessage>(
    (channel) => new BroadcastChannel(channel),
    name,
    self,
    (message) => heard.push(message),
  );
  posts.push(post);
  return { post, heard };
}

const arrive = () => new Promise((resolve) => setTimeout(resolve, 30));
const term = { leader: 'b', since: 1 };

test('a notice is heard by every other tab of the same name, and a letter by one', async () => {
  const [a, b, c, other] = [tab('model', 'a'), tab('model', 'b'), tab('model', 'c'), tab('else', 'b')];
  a.post.tell({ type: 'hello', from: 'a' });
  b.post.send('a', { type: 'progress', term, call: 1, done: 2 });
  b.post.send('a', { type: 'progress', term, call: 1, done: 3 });
  await arrive();
  expect(b.heard).toEqual([{ type: 'hello', from: 'a' }]);
  expect(c.heard).toEqual(b.heard);
  expect(a.heard).toEqual([2, 3].map((done) => ({ type: 'progress', term, call: 1, done })));
  expect(other.heard).toEqual([]);
});

test('a tab that was forgotten can be written to again', async () => {
  const [a, b] = [tab('model', 'a'), tab('model', 'b')];
  b.post.send('a', { type: 'progress', term, call: 1, done: 1 });
  b.post.forget('a');
  b.post.send('a', { type: 'progress', term, call: 1, done: 2 });
  await arrive();
  expect(a.heard.map((message) => message.type === 'progress' && message.done)).toEqual([1, 2]);
});

test('what was told right before the end is heard, and nothing is heard after it', async () => {
  const [a, b] = [tab('model', 'a'), tab('model', 'b')];
  a.post.tell({ type: 'ended', term });
  a.post.close();
  b.post.tell({ type: 'hello', from: 'b' });
  await arrive();
  expect(b.heard).toEqual([{ type: 'ended', term }]);
  expect(a.heard).toEqual([]);
});
