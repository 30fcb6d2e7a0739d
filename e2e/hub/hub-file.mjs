/** Files that are never there as a whole: any range of their bytes is made when it is asked for. */
import { createHash } from 'node:crypto';

/**
 * @typedef {object} HubFile
 * @property {number} size - bytes.
 * @property {boolean} large - whether the hub keeps it beside the repository, and answers with a redirect.
 * @property {string} type - the content type.
 * @property {(start?: number, end?: number) => Uint8Array} bytesOf - bytes `start` … `end`, within the file. Default: all.
 * @property {string} identity - a text that differs between any two files that differ.
 * @property {() => HubFile} [next] - what the file becomes when it is changed on the server.
 */

/**
 * A stretch of a file: `write` fills `target` with its bytes from `from` on.
 *
 * @typedef {{ length: number, write: (target: Uint8Array, from: number) => void }} Segment
 */

const TYPES = {
  json: 'application/json',
  md: 'text/markdown; charset=utf-8',
  html: 'text/html; charset=utf-8',
  js: 'text/javascript',
  mjs: 'text/javascript',
  wasm: 'application/wasm',
};

/** The content type by a file's name. */
export const typeOf = (name) => TYPES[/\.(\w+)$/.exec(name)?.[1]] ?? 'application/octet-stream';

/** Whether the hub keeps a file of this name beside the repository. */
const isLarge = (name) => /\.(safetensors|onnx|onnx_data)$|(^|\/)tokenizer\.json$/.test(name);

/** @returns {Segment} bytes that are there. */
export function segmentOf(bytes) {
  return {
    length: bytes.length,
    write: (target, from) => target.set(bytes.subarray(from, from + target.length)),
  };
}

/**
 * A file of segments one behind the other.
 *
 * @param {string} name
 * @param {readonly Segment[]} segments
 * @param {string} identity
 * @returns {HubFile}
 */
export function fileOfSegments(name, segments, identity) {
  const starts = [];
  let size = 0;
  for (const { length } of segments) {
    starts.push(size);
    size += length;
  }
  const bytesOf = (start = 0, end = size) => {
    checkRange(name, size, start, end);
    const result = new Uint8Array(end - start);
    for (let i = lastAtMost(starts, start), at = start; at < end; i++) {
      const stop = Math.min(end, starts[i] + segments[i].length);
      if (stop > at) segments[i].write(result.subarray(at - start, stop - start), at - starts[i]);
      at = stop;
    }
    return result;
  };
  return { size, large: isLarge(name), type: typeOf(name), bytesOf, identity };
}

/** @returns {HubFile} a file that is there: of bytes, a text, or an object that is written as JSON. */
export function fileOf(name, content) {
  const text = typeof content === 'string' || ArrayBuffer.isView(content) ? content : format(content);
  const whole = Buffer.from(text);
  const bytesOf = (start = 0, end = whole.length) => {
    checkRange(name, whole.length, start, end);
    return whole.subarray(start, end);
  };
  return {
    size: whole.length,
    large: isLarge(name),
    type: typeOf(name),
    bytesOf,
    identity: createHash('sha256').update(whole).digest('hex'),
  };
}

const format = (json) => JSON.stringify(json, null, 2);

function checkRange(name, size, start, end) {
  if (!(0 <= start && start <= end && end <= size)) {
    throw new RangeError(`Bytes ${start} to ${end} of ${name} were asked for; it has ${size}.`);
  }
}

/** Index of the last of the ascending numbers that is at most `value`. */
function lastAtMost(numbers, value) {
  let [low, high] = [0, numbers.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (numbers[middle] <= value) low = middle;
    else high = middle;
  }
  return low;
}
