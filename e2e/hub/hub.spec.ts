import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { randomModel } from './random-model.mjs';
import { type Fault, type Hub, startHub } from './server.mjs';

const model = randomModel({ family: 'xlm-roberta', size: 'small' });
const WEIGHTS = 'model.safetensors';
const whole = model.files.get(WEIGHTS)!.bytesOf();
const size = whole.length;
const folder = mkdtempSync(join(tmpdir(), 'sterna-hub-'));
mkdirSync(join(folder, 'parts'));
writeFileSync(join(folder, 'parts', '0.bin'), 'part 0');

let hub: Hub;

test.beforeAll(async () => {
  hub = await startHub({
    models: { 'random/l-small': model },
    folders: { pack: folder },
    files: { 'note.txt': 'a note', 'bytes/three.bin': Uint8Array.of(1, 2, 3) },
  });
});

test.beforeEach(() => {
  hub.faults.clear();
  hub.requests.length = 0;
});

test.afterAll(() => hub.close());

const resolve = (path: string, revision = 'main') => `/random/l-small/resolve/${revision}/${path}`;
const plain = (path: string) => `/folder/random/l-small/${path}`;

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

async function get(path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`${hub.url}${path}`, init);
  return {
    status: response.status,
    headers: response.headers,
    body: Buffer.from(await response.arrayBuffer()),
  };
}

const part = (path: string, range: string) => get(path, { headers: { range } });
const last = () => hub.requests.at(-1)!;

/** What comes of a body before it breaks off. */
async function untilBreak(path: string, init: RequestInit = {}): Promise<Buffer> {
  const { body } = await fetch(`${hub.url}${path}`, init);
  const pieces: Uint8Array[] = [];
  const reader = body!.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new Error('The body came to its end.');
      pieces.push(value);
    }
  } catch (error) {
    expect((error as Error).message).toBe('terminated');
    return Buffer.concat(pieces);
  }
}

const sameBytes = (a: Uint8Array, b: Uint8Array) => expect(Buffer.compare(a, b)).toBe(0);

test.describe('the hub', () => {
  test('sends small files itself, with the commit and an ETag', async () => {
    const { status, headers, body } = await get(resolve('config.json'));
    expect(status).toBe(200);
    expect(JSON.parse(body.toString())).toEqual(model.config);
    expect(headers.get('content-type')).toBe('application/json');
    expect(headers.get('x-repo-commit')).toBe(model.commit);
    expect(headers.get('etag')).toMatch(/^"[0-9a-f]{40}"$/);
    expect(headers.get('access-control-allow-origin')).toBe('*');
    expect(headers.get('access-control-expose-headers')).toContain('Content-Range');
    expect((await get(resolve('1_Pooling/config.json'))).status).toBe(200);
  });

  test('redirects for large files to an address with a query string', async () => {
    const { status, headers } = await get(resolve(WEIGHTS), { redirect: 'manual' });
    expect(status).toBe(302);
    expect(headers.get('location')).toMatch(/^\/cdn\/random\/l-small\/.*model\.safetensors\?.*Signature=/);
    expect(headers.get('x-repo-commit')).toBe(model.commit);
    expect(headers.get('x-linked-size')).toBe(String(size));
    expect(headers.get('x-linked-etag')).toMatch(/^"[0-9a-f]{64}"$/);
    const followed = await get(resolve(WEIGHTS));
    expect(followed.status).toBe(200);
    expect(followed.headers.get('content-length')).toBe(String(size));
    sameBytes(followed.body, whole);
    expect((await get(headers.get('location')!.split('?')[0])).status).toBe(403);
  });

  test('says the true SHA-256 of large files where it shall', async () => {
    const exact = await startHub({ models: { 'random/l-small': model }, hashes: true });
    const { headers } = await fetch(`${exact.url}${resolve(WEIGHTS)}`, { redirect: 'manual' });
    await exact.close();
    const hash = createHash('sha256').update(whole).digest('hex');
    expect(headers.get('x-linked-etag')).toBe(`"${hash}"`);
  });

  test('knows the revisions main and the commit, and says what it does not know', async () => {
    expect((await get(resolve('config.json', model.commit))).status).toBe(200);
    const code = async (path: string) => {
      const { status, headers } = await get(path);
      return [status, headers.get('x-error-code')];
    };
    expect(await code(resolve('config.json', 'v3'))).toEqual([404, 'RevisionNotFound']);
    expect(await code(resolve('pytorch_model.bin'))).toEqual([404, 'EntryNotFound']);
    expect(await code('/nobody/nothing/resolve/main/config.json')).toEqual([401, 'RepoNotFound']);
    expect(await code('/elsewhere')).toEqual([404, 'NotFound']);
    expect(await code('/%zz')).toEqual([404, 'NotFound']);
  });

  test('has the same model in a plain folder, and folders and files of others', async () => {
    sameBytes((await get(plain(WEIGHTS))).body, whole);
    expect((await get('/folder/pack/parts/0.bin')).body.toString()).toBe('part 0');
    expect((await part('/folder/pack/parts/0.bin', 'bytes=1-3')).body.toString()).toBe('art');
    expect((await get('/folder/pack/parts')).status).toBe(404);
    expect((await get('/folder/pack/%2e%2e/%2e%2e/etc/passwd')).status).toBe(404);
    expect((await get('/note.txt')).body.toString()).toBe('a note');
    expect([...(await get('/bytes/three.bin')).body]).toEqual([1, 2, 3]);
  });

  test('answers HEAD without a body', async () => {
    const { status, headers, body } = await get(resolve(WEIGHTS), { method: 'HEAD' });
    expect([status, headers.get('content-length'), body.length]).toEqual([200, String(size), 0]);
    const partial = await get(plain(WEIGHTS), { method: 'HEAD', headers: { range: 'bytes=0-9' } });
    expect([partial.status, partial.headers.get('content-length')]).toEqual([206, '10']);
  });

  test('answers OPTIONS and refuses other methods', async () => {
    const { status, headers } = await get(plain(WEIGHTS), { method: 'OPTIONS' });
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-headers')).toContain('Range');
    expect((await get(plain(WEIGHTS), { method: 'PUT' })).status).toBe(405);
  });

  for (const [range, start, end] of [
    ['bytes=0-0', 0, 1],
    ['bytes=100-199', 100, 200],
    [`bytes=${size - 5}-`, size - 5, size],
    ['bytes=-7', size - 7, size],
    [`bytes=5-${size + 99}`, 5, size],
  ] as const)
    test(`answers 206 to ${range}`, async () => {
      const { status, headers, body } = await part(resolve(WEIGHTS), range);
      expect(status).toBe(206);
      expect(headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/${size}`);
      expect(headers.get('accept-ranges')).toBe('bytes');
      sameBytes(body, whole.subarray(start, end));
      expect(last()).toMatchObject({ range, status: 206, bytes: end - start, end: 'complete' });
    });

  test('answers 416 to a range behind the end, and all of the file to what is no range', async () => {
    const { status, headers } = await part(plain(WEIGHTS), `bytes=${size}-`);
    expect([status, headers.get('content-range')]).toEqual([416, `bytes */${size}`]);
    for (const range of ['bytes=9-3', 'bytes=-', 'lines=1-2', 'bytes=0-1,5-6'])
      expect((await part(plain(WEIGHTS), range)).status).toBe(200);
  });

  test('answers with all of the file where a part is wanted of another version', async () => {
    const etag = (await get(plain(WEIGHTS), { method: 'HEAD' })).headers.get('etag')!;
    const ask = (version: string) =>
      get(plain(WEIGHTS), { headers: { range: 'bytes=0-9', 'if-range': version } });
    expect((await ask(etag)).status).toBe(206);
    expect((await ask('"other"')).status).toBe(200);
  });

  test('makes no more of a file than the peer takes', async () => {
    const large = randomModel({ family: 'xlm-roberta' });
    const huge = await startHub({ models: { 'random/l': large } });
    const response = await fetch(`${huge.url}/folder/random/l/${WEIGHTS}`);
    const reader = response.body!.getReader();
    await reader.read();
    // The buffers between the two processes' ends fill up, and then nothing more is made.
    let before = -1;
    await expect
      .poll(
        () => {
          const now = huge.requests[0].bytes;
          const same = now === before;
          before = now;
          return same;
        },
        { intervals: [200] },
      )
      .toBe(true);
    expect(huge.requests[0].bytes).toBeLessThan(100e6);
    await reader.cancel();
    await expect.poll(() => huge.requests[0].end).toBe('gone');
    await huge.close();
  });
});

test.describe('a fault', () => {
  test('throttle: all connections share one line', async () => {
    const file = model.files.get('tokenizer.json')!;
    hub.faults.set({ kind: 'throttle', path: 'tokenizer.json', bytesPerSecond: 2 * file.size });
    const begin = performance.now();
    const answers = await Promise.all([1, 2].map(() => get(plain('tokenizer.json'))));
    // No faster than the line, less what a timer may be early.
    expect(performance.now() - begin).toBeGreaterThan(900);
    for (const { body } of answers) sameBytes(body, file.bytesOf());
  });

  test('latency: the answer waits', async () => {
    hub.faults.set({ kind: 'latency', ms: 100 });
    const begin = performance.now();
    expect((await get('/note.txt')).status).toBe(200);
    expect(performance.now() - begin).toBeGreaterThan(90);
  });

  test('cut: the connection ends after so many bytes, as often as is said', async () => {
    hub.faults.set({ kind: 'cut', path: WEIGHTS, after: 1000, times: 2 });
    sameBytes(await untilBreak(plain(WEIGHTS)), whole.subarray(0, 1000));
    expect(last()).toMatchObject({ bytes: 1000, end: 'cut' });
    const ranged = await untilBreak(resolve(WEIGHTS), { headers: { range: 'bytes=500-' } });
    sameBytes(ranged, whole.subarray(500, 1500));
    expect((await get(plain(WEIGHTS))).body.length).toBe(size);
  });

  test('cut: large bodies arrive up to the last byte before it, and shorter ones are spared', async () => {
    const after = size - 1;
    hub.faults.set({ kind: 'cut', after });
    sameBytes(await untilBreak(plain(WEIGHTS)), whole.subarray(0, after));
    expect((await part(plain(WEIGHTS), 'bytes=0-99')).status).toBe(206);
    expect(hub.faults.list()).toMatchObject([{ kind: 'cut', applied: 1 }]);
  });

  test('cut: nothing but the head comes where it is after 0 bytes', async () => {
    hub.faults.set({ kind: 'cut', after: 0 });
    expect((await untilBreak(plain(WEIGHTS))).length).toBe(0);
  });

  test('stall: the body falls silent, for a while or for ever', async () => {
    hub.faults.set({ kind: 'stall', after: 100, ms: 30, times: 1 });
    expect((await get(plain(WEIGHTS))).body.length).toBe(size);
    hub.faults.set({ kind: 'stall', after: 100 });
    const leave = new AbortController();
    const response = await fetch(`${hub.url}${plain(WEIGHTS)}`, { signal: leave.signal });
    const reader = response.body!.getReader();
    expect((await reader.read()).value!.length).toBe(100);
    const silent = reader.read();
    const timer = new Promise((done) => setTimeout(done, 100, 'silence'));
    expect(await Promise.race([silent, timer])).toBe('silence');
    leave.abort();
    await expect(silent).rejects.toThrow(/abort/);
    await expect.poll(() => last()).toMatchObject({ bytes: 100, end: 'gone' });
  });

  test('corrupt: a byte of the file is another one, in whichever answer it comes', async () => {
    hub.faults.set({ kind: 'corrupt', path: WEIGHTS, at: 5000 });
    const expected = Uint8Array.from(whole);
    expected[5000] ^= 0xff;
    sameBytes((await get(resolve(WEIGHTS))).body, expected);
    sameBytes((await part(resolve(WEIGHTS), 'bytes=5000-5000')).body, expected.subarray(5000, 5001));
    hub.faults.set({ kind: 'corrupt', path: WEIGHTS, at: 5000, times: 1 });
    sameBytes((await part(plain(WEIGHTS), 'bytes=0-4999')).body, whole.subarray(0, 5000));
    sameBytes((await get(plain(WEIGHTS))).body, expected);
    sameBytes((await get(plain(WEIGHTS))).body, whole);
  });

  test('length: more is announced than comes, or less', async () => {
    hub.faults.set({ kind: 'length', by: 10 });
    sameBytes(await untilBreak(plain(WEIGHTS)), whole);
    hub.faults.set({ kind: 'length', by: -10 });
    const { headers, body } = await get(plain(WEIGHTS));
    expect(headers.get('content-length')).toBe(String(size - 10));
    sameBytes(body, whole.subarray(0, size - 10));
  });

  test('ignore-range: all of the file comes, with 200', async () => {
    hub.faults.set({ kind: 'ignore-range', times: 1 });
    const { status, headers, body } = await part(plain(WEIGHTS), 'bytes=100-199');
    expect([status, headers.get('content-range')]).toEqual([200, null]);
    sameBytes(body, whole);
    expect((await part(plain(WEIGHTS), 'bytes=100-199')).status).toBe(206);
  });

  test('wrong-range: the bytes asked for come under other numbers', async () => {
    hub.faults.set({ kind: 'wrong-range', by: 50 });
    const { status, headers, body } = await part(plain(WEIGHTS), 'bytes=100-199');
    expect([status, headers.get('content-range')]).toEqual([206, `bytes 150-249/${size}`]);
    sameBytes(body, whole.subarray(100, 200));
  });

  for (const status of [403, 404, 429, 500, 503])
    test(`status: ${status} once, and then the file`, async () => {
      hub.faults.set({ kind: 'status', path: 'config.json', status, retryAfter: 2, times: 1 });
      const { headers, ...refused } = await get(resolve('config.json'));
      expect([refused.status, headers.get('retry-after')]).toEqual([status, '2']);
      expect((await get(resolve('config.json'))).status).toBe(200);
    });

  test('status: 416 says the length of the file', async () => {
    hub.faults.set({ kind: 'status', status: 416 });
    const { status, headers } = await part(plain(WEIGHTS), 'bytes=0-9');
    expect([status, headers.get('content-range')]).toEqual([416, `bytes */${size}`]);
  });

  test('html: a page comes in the place of the file', async () => {
    hub.faults.set({ kind: 'html' });
    const { status, headers, body } = await get(resolve(WEIGHTS));
    expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(body.toString()).toContain('<h1>Sign in</h1>');
  });

  test('change: from an answer on, it is another file with another ETag', async () => {
    hub.faults.set({ kind: 'change', path: WEIGHTS, skip: 2 });
    const answers = [];
    for (let i = 0; i < 4; i++) answers.push(await get(resolve(WEIGHTS)));
    const etags = answers.map(({ headers }) => headers.get('etag'));
    expect([etags[1], etags[3]]).toEqual([etags[0], etags[2]]);
    expect(etags[2]).not.toBe(etags[0]);
    sameBytes(answers[1].body, whole);
    expect(answers[2].body.length).toBe(size);
    expect(Buffer.compare(answers[2].body, whole)).not.toBe(0);
    sameBytes(answers[2].body, answers[3].body);
    // The header says the same of both.
    sameBytes(answers[2].body.subarray(0, 1000), whole.subarray(0, 1000));
  });

  test('change: a file that has no other version gets another last byte', async () => {
    const before = await get('/note.txt');
    hub.faults.set({ kind: 'change' });
    const after = await get('/note.txt');
    expect(after.body.toString()).toBe('a notd');
    expect(after.headers.get('etag')).not.toBe(before.headers.get('etag'));
  });

  test('gzip: the body is compressed, whole, and without a length', async () => {
    hub.faults.set({ kind: 'gzip' });
    const { status, headers, body } = await part(plain(WEIGHTS), 'bytes=0-9');
    expect([status, headers.get('content-encoding'), headers.get('content-length')]).toEqual([
      200,
      'gzip',
      null,
    ]);
    expect(headers.get('etag')).toMatch(/^W\//);
    sameBytes(body, whole);
    hub.faults.add({ kind: 'cut', after: 400_000 });
    await untilBreak(plain(WEIGHTS));
    expect(last().end).toBe('cut');
  });

  test('headers: are set, and left out', async () => {
    const headers = { 'X-Served-By': 'nobody', 'Access-Control-Expose-Headers': null, ETag: null };
    hub.faults.set({ kind: 'headers', headers });
    const answer = await get(resolve(WEIGHTS));
    expect(answer.headers.get('x-served-by')).toBe('nobody');
    expect(answer.headers.get('access-control-expose-headers')).toBeNull();
    expect(answer.headers.get('etag')).toBeNull();
  });

  test('offline: there is no answer', async () => {
    hub.faults.set({ kind: 'offline' });
    await expect(get('/note.txt')).rejects.toThrow('fetch failed');
    expect(last()).toMatchObject({ path: '/note.txt', status: 0, end: 'cut' });
    hub.faults.clear();
    expect((await get('/note.txt')).status).toBe(200);
  });
});

test.describe('faults', () => {
  test('fit paths by their ends and by asterisks, and methods', async () => {
    const status = async (fault: Fault, path: string, method = 'GET') => {
      hub.faults.set(fault);
      return (await get(path, { method })).status;
    };
    const fault = (path?: string, method?: string) =>
      ({ kind: 'status', status: 503, path, method }) as const;
    expect(await status(fault(), plain('config.json'))).toBe(503);
    expect(await status(fault('config.json'), plain('config.json'))).toBe(503);
    expect(await status(fault('config.json'), plain('tokenizer.json'))).toBe(200);
    expect(await status(fault('config_json'), plain('config.json'))).toBe(200);
    expect(await status(fault('/cdn/*.safetensors'), plain(WEIGHTS))).toBe(200);
    expect(await status(fault('/cdn/*.safetensors'), resolve(WEIGHTS))).toBe(503);
    expect(await status(fault('config.json', 'HEAD'), plain('config.json'))).toBe(200);
    expect(await status(fault('config.json', 'HEAD'), plain('config.json'), 'HEAD')).toBe(503);
  });

  test('come in any number, pass some answers first, and are taken away one by one', async () => {
    const remove = hub.faults.add({ kind: 'status', status: 503, skip: 1, times: 1 });
    hub.faults.add({ kind: 'headers', headers: { 'x-mark': 'yes' } });
    const seen = [];
    for (let i = 0; i < 3; i++) {
      const { status, headers } = await get('/note.txt');
      seen.push([status, headers.get('x-mark')]);
    }
    expect(seen).toEqual([
      [200, 'yes'],
      [503, 'yes'],
      [200, 'yes'],
    ]);
    remove();
    expect(hub.faults.list()).toMatchObject([{ kind: 'headers', applied: 3 }]);
  });

  test('of one kind come one after the other', async () => {
    hub.faults.set(
      { kind: 'status', status: 503, times: 1 },
      { kind: 'status', status: 429, times: 1 },
      { kind: 'status', status: 403 },
    );
    const seen = [];
    for (let i = 0; i < 4; i++) seen.push((await get('/note.txt')).status);
    expect(seen).toEqual([503, 429, 403, 403]);
  });

  test('are set, listed and dropped by HTTP, as a page can', async () => {
    const post = (body: unknown) =>
      get('/faults', { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) });
    expect((await post({ kind: 'status', status: 503 })).status).toBe(200);
    expect((await get('/note.txt')).status).toBe(503);
    const listed = JSON.parse((await get('/faults')).body.toString());
    expect(listed).toEqual([{ kind: 'status', status: 503, applied: 1 }]);
    await post([{ kind: 'status', status: 429 }]);
    expect((await get('/note.txt')).status).toBe(429);
    await get('/faults', { method: 'DELETE' });
    expect((await get('/note.txt')).status).toBe(200);
    const refused = await post({ kind: 'earthquake' });
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([400, '*']);
    expect(refused.body.toString()).toMatch(/of kind earthquake; needed: one of throttle/);
    expect((await post([{ kind: 'latency', ms: 5 }, { kind: 'cut' }])).body.toString()).toMatch(
      /cut has after undefined/,
    );
    expect(hub.faults.list()).toEqual([]);
    expect((await post('{')).status).toBe(400);
  });

  test('and what was asked for are in the log, which a page can read and clear', async () => {
    await part(resolve(WEIGHTS), 'bytes=0-9');
    const log = JSON.parse((await get('/requests')).body.toString());
    expect(log).toMatchObject([
      { method: 'GET', path: resolve(WEIGHTS), range: 'bytes=0-9', status: 302, bytes: 0, end: 'complete' },
      { method: 'GET', range: 'bytes=0-9', status: 206, bytes: 10, end: 'complete' },
    ]);
    await get('/requests', { method: 'DELETE' });
    expect(hub.requests).toEqual([]);
  });
});
