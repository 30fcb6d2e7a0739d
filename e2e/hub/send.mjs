/** Sends the bytes of a file as an answer, with whatever shall go wrong on the way. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGzip } from 'node:zlib';

/** Bytes that are made at a time. */
const CHUNK = 262144;

/** Thrown where an answer ends early: the peer has gone, or it shall look as if this server had. */
class Broken extends Error {}

/**
 * Sends bytes `start` … `end` of a file as the body of an answer whose head is written already. What the peer does not
 * take is not made.
 *
 * @param {import('node:http').ServerResponse} response
 * @param {import('./hub-file.mjs').HubFile} file
 * @param {object} plan
 * @param {number} plan.start
 * @param {number} plan.end
 * @param {readonly number[]} plan.corrupt - offsets in the file.
 * @param {number} [plan.cut] - bytes after which the connection is closed.
 * @param {{ after: number, ms?: number }} [plan.stall]
 * @param {readonly import('./line.mjs').Line[]} plan.lines
 * @param {boolean} plan.gzip
 * @param {(count: number) => void} onSent
 * @returns {Promise<'complete' | 'cut' | 'gone'>} how it ended.
 */
export async function sendBody(response, file, plan, onSent) {
  const gone = new AbortController();
  const leave = () => gone.abort(new Broken());
  response.once('close', leave);
  const target = plan.gzip ? createGzip({ level: 1 }) : response;
  if (plan.gzip) target.pipe(response);
  try {
    for await (const bytes of piecesOf(file, plan, gone.signal)) {
      gone.signal.throwIfAborted();
      onSent(bytes.length);
      if (!target.write(bytes)) await once(target, 'drain', { signal: gone.signal });
    }
    response.off('close', leave);
    target.end();
    return 'complete';
  } catch (error) {
    if (gone.signal.aborted) return 'gone';
    if (!(error instanceof Broken)) throw error;
    if (target !== response) target.unpipe(response);
    // What was written goes out before the connection ends.
    response.socket.end();
    return 'cut';
  } finally {
    response.off('close', leave);
  }
}

/** The bytes of the body in order, as they come through the line. */
async function* piecesOf(file, { start, end, corrupt, cut, stall, lines }, signal) {
  const portion = Math.min(CHUNK, ...lines.map((line) => line.portion));
  const breaks = [cut, stall?.after].filter((at) => at !== undefined).map((at) => start + at);
  for (let at = start; at < end; ) {
    if (at - start === stall?.after) await silence(stall.ms, signal);
    if (at - start === cut) throw new Broken();
    const stop = Math.min(end, at + portion, ...breaks.filter((one) => one > at));
    const bytes = file.bytesOf(at, stop);
    for (const line of lines) await line.take(bytes.length, signal);
    yield spoil(bytes, at, corrupt);
    at = stop;
    // Other connections get their turn, however fast this one is.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** @param {number} [ms] - for ever where it is not given. */
async function silence(ms, signal) {
  if (ms !== undefined) return sleep(ms, undefined, { signal });
  await new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    if (signal.aborted) reject(signal.reason);
  });
}

function spoil(bytes, at, offsets) {
  const inside = offsets.filter((offset) => at <= offset && offset < at + bytes.length);
  if (inside.length === 0) return bytes;
  const copy = Uint8Array.from(bytes);
  for (const offset of inside) copy[offset - at] ^= 0xff;
  return copy;
}
