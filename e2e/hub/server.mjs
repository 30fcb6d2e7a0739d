/**
 * A server that looks like the Hugging Face hub and misbehaves on demand: a test bench for downloads, and a stand-in for the
 * hub where there is none. Started by hand it serves the two models at their full sizes.
 *
 *     node e2e/hub/server.mjs --port 8123
 */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { diskFile } from './disk-file.mjs';
import { Faults } from './faults.mjs';
import { fileOf } from './hub-file.mjs';
import { Line } from './line.mjs';
import { randomModel } from './random-model.mjs';
import { parseRange } from './range.mjs';
import { sendBody } from './send.mjs';
import { sha256 } from './sha256.mjs';

/** @typedef {import('./hub-file.mjs').HubFile} HubFile */
/** @typedef {ReturnType<typeof randomModel>} Model */

/** What a page of another origin may see of an answer, as on the hub. */
const EXPOSED =
  'X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,Accept-Ranges,Content-Range,Content-Length,X-Linked-Size,X-Linked-ETag,Retry-After';

/** Largest body of a request. */
const LONGEST_REQUEST = 2 ** 20;

/**
 * Starts the server. Addresses:
 *
 * - `/{owner}/{name}/resolve/{revision}/{path}`: as on the hub; large files by way of a redirect to `/cdn/…?…`. The revision is
 *   `main` or the model's commit.
 * - `/folder/{name}/{path}`: the same models, and the given folders, as a plain web server has them.
 * - the given files at their paths.
 * - `/faults`: GET lists the rules, POST takes a rule to add or a list to put in their place, DELETE drops all.
 * - `/requests`: GET lists what was asked for, DELETE forgets it.
 *
 * @param {object} [options]
 * @param {Record<string, Model>} [options.models] - by `owner/name`.
 * @param {Record<string, string>} [options.folders] - folders on disk, by name.
 * @param {Record<string, Uint8Array | string | HubFile>} [options.files] - by path, without a slash in front.
 * @param {number} [options.port] - Default: any that is free.
 * @param {boolean} [options.hashes] - whether X-Linked-ETag is the file's true SHA-256, which takes making the file once;
 *   otherwise it only looks like one. Default: false.
 */
export async function startHub(options = {}) {
  const hub = new Hub(options);
  const server = createServer((request, response) => {
    hub.answer(request, response).catch((error) => {
      console.error(error);
      response.destroy();
    });
  });
  // Downloads take as long as they take.
  server.requestTimeout = 0;
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, 'localhost', resolve);
  });
  return {
    url: `http://localhost:${server.address().port}`,
    requests: hub.requests,
    faults: hub.faults,
    /** Ends all connections, and resolves when the port is free again. */
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

class Hub {
  faults = new Faults();
  /** @type {import('./server.d.mts').HubRequest[]} */
  requests = [];
  #models;
  #folders;
  #files;
  #hashes;

  constructor({ models = {}, folders = {}, files = {}, hashes = false }) {
    this.#models = models;
    this.#folders = folders;
    this.#files = new Map(
      Object.entries(files).map(([path, content]) => [
        path.replace(/^\//, ''),
        typeof content === 'string' || ArrayBuffer.isView(content) ? fileOf(path, content) : content,
      ]),
    );
    this.#hashes = hashes;
  }

  async answer(request, response) {
    const url = new URL(request.url, 'http://localhost');
    const path = decoded(url.pathname);
    if (path === '/faults' || path === '/requests') return this.#control(path, request, response);
    if (request.method === 'OPTIONS') return reply(response, 204, PREFLIGHT);

    const { range } = request.headers;
    const entry = { method: request.method, path, range: range ?? null, status: 0, bytes: 0, end: 'open' };
    this.requests.push(entry);
    response.once('close', () => {
      entry.status ||= response.headersSent ? response.statusCode : 0;
      if (entry.end === 'open') entry.end = response.writableFinished ? 'complete' : 'gone';
    });
    const asked = { path, method: request.method };
    for (const { rule } of this.faults.all('latency', asked)) await sleep(rule.ms);
    if (this.faults.one('offline', asked)) {
      entry.end = 'cut';
      return request.socket.destroy();
    }
    const found = this.#find(path, url);
    const refusal = this.faults.one('status', asked);
    if (refusal) return this.#refuse(response, refusal, found, asked);
    if (this.faults.one('html', asked)) {
      const headers = { 'content-type': 'text/html; charset=utf-8' };
      return this.#reply(
        response,
        asked,
        200,
        headers,
        '<!doctype html><title>Sign in</title><h1>Sign in</h1>',
      );
    }
    if (!['GET', 'HEAD'].includes(request.method)) {
      return this.#reply(response, asked, 405, { allow: 'GET, HEAD, OPTIONS' }, 'Method Not Allowed');
    }
    if (found.error) return this.#reply(response, asked, found.status, errorHeaders(found), found.error);
    if (found.location) return this.#redirect(response, found, asked);
    return this.#send(request, response, found, asked, entry);
  }

  /** @returns {{ file?: HubFile, location?: string, model?: Model, error?: string, code?: string, status?: number }} */
  #find(path, url) {
    const resolved = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path);
    if (resolved) {
      const [, name, revision, file] = resolved;
      const model = this.#models[name];
      if (!model) return missing(401, 'RepoNotFound', 'Repository not found');
      if (revision !== 'main' && revision !== model.commit)
        return missing(404, 'RevisionNotFound', `Invalid rev id: ${revision}`);
      const found = model.files.get(file);
      if (!found) return missing(404, 'EntryNotFound', 'Entry not found', model);
      const location = `/cdn/${name}/${model.commit}/${file}?Expires=1893456000&Signature=${fingerprint(path).slice(0, 32)}`;
      return found.large ? { model, file: found, location } : { model, file: found };
    }
    const delivered = /^\/cdn\/([^/]+\/[^/]+)\/[0-9a-f]{40}\/(.+)$/.exec(path);
    if (delivered) {
      if (!url.searchParams.has('Signature')) return missing(403, 'AccessDenied', 'Missing signature');
      const file = this.#models[delivered[1]]?.files.get(delivered[2]);
      return file ? { file } : missing(404, 'NoSuchKey', 'No such key');
    }
    const file = this.#files.get(path.slice(1)) ?? this.#inFolder(path);
    return file ? { file } : missing(404, 'NotFound', 'Not found');
  }

  #inFolder(path) {
    for (const [name, model] of Object.entries(this.#models)) {
      const start = `/folder/${name}/`;
      if (path.startsWith(start)) return model.files.get(path.slice(start.length));
    }
    for (const [name, folder] of Object.entries(this.#folders)) {
      const start = `/folder/${name}/`;
      if (!path.startsWith(start)) continue;
      const place = join(folder, path.slice(start.length));
      if (place.startsWith(join(folder, '/')) && statSync(place, { throwIfNoEntry: false })?.isFile()) {
        return diskFile(place);
      }
    }
    return undefined;
  }

  #refuse(response, { status, retryAfter }, { file }, asked) {
    const headers = { 'content-type': 'text/plain; charset=utf-8' };
    if (retryAfter !== undefined) headers['retry-after'] = String(retryAfter);
    if (status === 416 && file) headers['content-range'] = `bytes */${file.size}`;
    this.#reply(response, asked, status, headers, `${status}`);
  }

  async #redirect(response, { model, file, location }, asked) {
    const headers = {
      location,
      'content-type': 'text/plain; charset=utf-8',
      'accept-ranges': 'bytes',
      'x-repo-commit': model.commit,
      'x-linked-size': String(file.size),
      'x-linked-etag': `"${this.#hashes ? await sha256(file) : fingerprint(file.identity)}"`,
    };
    this.#reply(response, asked, 302, headers, `Found. Redirecting to ${location}`);
  }

  async #send(request, response, { file: stored, model }, asked, entry) {
    const { faults } = this;
    const change = faults.one('change', asked);
    const file = change ? (stored.next?.() ?? damaged(stored)) : stored;
    const wanted = parseRange(request.headers.range, request.headers['if-range'], etagOf(file), file.size);
    const partial = wanted !== undefined;
    const gzip = faults.one('gzip', asked) !== undefined;
    const ranged = partial && !gzip && !faults.one('ignore-range', asked);
    const headers = { ...fileHeaders(file), ...(model && { 'x-repo-commit': model.commit }) };
    if (ranged && wanted === 'unsatisfiable') {
      const range = { ...headers, 'content-range': `bytes */${file.size}` };
      return this.#reply(response, asked, 416, range, 'Range Not Satisfiable');
    }
    const { start, end } = ranged ? wanted : { start: 0, end: file.size };
    const length = end - start;
    if (gzip) {
      headers['content-encoding'] = 'gzip';
      headers.vary = 'Origin, Accept-Encoding';
      headers.etag = `W/${headers.etag}`;
    } else {
      const wrong = faults.one('length', asked);
      headers['content-length'] = String(length + (wrong?.by ?? 0));
      // A length that does not come true is noticed at the end of the connection.
      if (wrong) headers.connection = 'close';
    }
    if (ranged) {
      const wrong = faults.one('wrong-range', asked);
      const by = wrong ? (wrong.by ?? 1) : 0;
      headers['content-range'] = `bytes ${start + by}-${end - 1 + by}/${file.size}`;
    }
    const head = request.method === 'HEAD';
    response.sendDate = true;
    response.writeHead(ranged ? 206 : 200, this.#headersOf(headers, asked));
    entry.status = response.statusCode;
    if (head) return response.end();
    response.flushHeaders();

    const within = (rule) => rule.after < length;
    const stall = faults.one('stall', asked, within);
    const plan = {
      start,
      end,
      gzip,
      stall,
      cut: faults.one('cut', asked, within)?.after,
      corrupt: faults.all('corrupt', asked, ({ at }) => start <= at && at < end).map(({ rule }) => rule.at),
      lines: faults.all('throttle', asked).map(({ rule, state }) => lineOf(rule, state)),
    };
    entry.end = 'sending';
    const ended = await sendBody(response, file, plan, (count) => {
      entry.bytes += count;
    });
    entry.end = ended;
  }

  #reply(response, asked, status, headers, text = '') {
    const all = { ...headers, 'content-length': String(Buffer.byteLength(text)) };
    reply(response, status, this.#headersOf(all, asked), asked.method === 'HEAD' ? '' : text);
  }

  #headersOf(headers, asked) {
    const all = { ...CORS, ...headers };
    for (const { rule } of this.faults.all('headers', asked)) {
      for (const [name, value] of Object.entries(rule.headers)) {
        if (value === null) delete all[name.toLowerCase()];
        else all[name.toLowerCase()] = value;
      }
    }
    return all;
  }

  async #control(path, request, response) {
    const { method } = request;
    if (method === 'OPTIONS') return reply(response, 204, PREFLIGHT);
    if (method === 'DELETE') {
      if (path === '/faults') this.faults.clear();
      else this.requests.length = 0;
    }
    if (method === 'POST' && path === '/faults') {
      try {
        const json = JSON.parse(await bodyOf(request));
        if (Array.isArray(json)) this.faults.set(...json);
        else this.faults.add(json);
      } catch (error) {
        return reply(response, 400, CORS, error.message);
      }
    }
    const state = path === '/faults' ? this.faults.list() : this.requests;
    reply(response, 200, { ...CORS, 'content-type': 'application/json' }, JSON.stringify(state));
  }
}

const CORS = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': EXPOSED,
  'cross-origin-resource-policy': 'cross-origin',
  vary: 'Origin',
};

const PREFLIGHT = {
  ...CORS,
  'access-control-allow-methods': 'GET, HEAD, POST, DELETE, OPTIONS',
  'access-control-allow-headers': 'Range, If-Range, If-None-Match, Content-Type, Authorization',
  'access-control-max-age': '86400',
};

const missing = (status, code, error, model) => ({ status, code, error, model });

const errorHeaders = ({ code, error, model }) => ({
  'content-type': 'text/plain; charset=utf-8',
  'x-error-code': code,
  'x-error-message': error,
  ...(model && { 'x-repo-commit': model.commit }),
});

const fileHeaders = (file) => ({
  'content-type': file.type,
  'accept-ranges': 'bytes',
  etag: etagOf(file),
  'cache-control': 'no-cache',
});

/** A path as it is meant; a percent sign that encodes nothing is just that. */
function decoded(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function reply(response, status, headers, text = '') {
  response.writeHead(status, headers).end(text);
}

/** What the file becomes that has no other version: its last byte is another one. */
function damaged(file) {
  const last = file.size - 1;
  const bytesOf = (start = 0, end = file.size) => {
    const copy = Uint8Array.from(file.bytesOf(start, end));
    if (start <= last && last < end) copy[last - start] ^= 1;
    return copy;
  };
  const { size, large, type, identity } = file;
  return { size, large, type, bytesOf, identity: `${identity} (changed)` };
}

/** 64 hexadecimal digits for a text. */
const fingerprint = (text) => createHash('sha256').update(text).digest('hex');

/** @param {HubFile} file */
const etagOf = (file) => `"${fingerprint(`etag of ${file.identity}`).slice(0, 40)}"`;

function lineOf({ bytesPerSecond }, state) {
  state.line ??= new Line(bytesPerSecond);
  return state.line;
}

async function bodyOf(request) {
  const parts = [];
  let length = 0;
  for await (const part of request) {
    length += part.length;
    if (length > LONGEST_REQUEST) throw new RangeError(`A request has more than ${LONGEST_REQUEST} bytes.`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

async function main() {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '8123' },
      speed: { type: 'string' },
      hashes: { type: 'boolean' },
    },
  });
  const models = {};
  for (const [letter, family] of [
    ['m', 'gte'],
    ['l', 'xlm-roberta'],
  ]) {
    models[`random/arctic-embed-${letter}-v2.0`] = randomModel({ family });
    models[`random/arctic-embed-${letter}-small`] = randomModel({ family, size: 'small' });
  }
  const hub = await startHub({ models, port: Number(values.port), hashes: values.hashes });
  if (values.speed) hub.faults.add({ kind: 'throttle', bytesPerSecond: Number(values.speed) * 125_000 });
  for (const [name, model] of Object.entries(models)) {
    const gigabytes = (model.files.get('model.safetensors').size / 1e9).toFixed(2);
    console.log(`${hub.url}/${name}/resolve/main/  (model.safetensors: ${gigabytes} GB)`);
  }
  console.log(`Faults: curl -d '{"kind":"status","status":503,"path":"config.json"}' ${hub.url}/faults`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
