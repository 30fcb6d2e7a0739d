/**
 * What a server can do wrong, as a list of rules that is changed while it runs. A rule is plain JSON, so that a page can set it:
 * `{ kind, path, … }`.
 *
 * | kind | what it does | its fields |
 * | --- | --- | --- |
 * | `throttle` | one line for all connections that it fits | `bytesPerSecond` |
 * | `latency` | waits before it answers | `ms` |
 * | `cut` | closes the connection in the body | `after` bytes of the answer |
 * | `stall` | falls silent in the body | `after` bytes of the answer, `ms`; without it for ever |
 * | `corrupt` | turns the bits of a byte | `at`, an offset in the file |
 * | `length` | announces another Content-Length than it sends | `by`: positive for too long, negative for too short |
 * | `ignore-range` | answers 200 with all of the file to a request for a part | |
 * | `wrong-range` | answers 206 with the bytes asked for, and says that they are others | `by`. Default: 1 |
 * | `status` | refuses | `status`, `retryAfter` in seconds or as a date |
 * | `html` | answers 200 with a page that says that something is wrong | |
 * | `change` | sends the file that it becomes on the server, with another ETag | |
 * | `gzip` | compresses, and sends no part of a file | |
 * | `headers` | sets headers of the answer, and leaves out those that are null | `headers` |
 * | `offline` | closes the connection before it answers | |
 *
 * Fields of all: `path` (default: all paths), `method`, `skip` (how many answers that it fits it lets pass first) and `times` (how many answers
 * it spoils after that; default: all). A redirect is none that `throttle`, `cut`, `stall`, `corrupt`, `length`, `ignore-range`,
 * `wrong-range`, `change` and `gzip` fit, so they count the answers that hold a file, whether its path is that of the
 * repository or that of the redirect's target. `corrupt` fits answers with its byte only, `cut` and `stall` those that are longer
 * than `after`, and `ignore-range` and `wrong-range` those to a request for a part.
 */

/** @typedef {{ kind: string, path?: string, method?: string, skip?: number, times?: number, [field: string]: unknown }} Fault */

/** Required fields and their types. */
const KINDS = {
  throttle: { bytesPerSecond: 'number' },
  latency: { ms: 'number' },
  cut: { after: 'number' },
  stall: { after: 'number' },
  corrupt: { at: 'number' },
  length: { by: 'number' },
  'ignore-range': {},
  'wrong-range': {},
  status: { status: 'number' },
  html: {},
  change: {},
  gzip: {},
  headers: { headers: 'object' },
  offline: {},
};

export class Faults {
  /** @type {{ rule: Fault, pattern: RegExp, passed: number, applied: number, state: Record<string, unknown> }[]} */
  #entries = [];

  /**
   * Adds a rule. @returns what takes it away again.
   * @param {Fault} rule
   * @throws TypeError for a rule that says nothing.
   */
  add(rule) {
    check(rule);
    const entry = { rule, pattern: patternOf(rule.path), passed: 0, applied: 0, state: {} };
    this.#entries.push(entry);
    return () => {
      this.#entries = this.#entries.filter((other) => other !== entry);
    };
  }

  /** Puts rules in the place of all that there are. @param {...Fault} rules */
  set(...rules) {
    rules.forEach(check);
    this.clear();
    for (const rule of rules) this.add(rule);
  }

  clear() {
    this.#entries = [];
  }

  /** The rules, each with how many answers it has spoilt. */
  list() {
    return this.#entries.map(({ rule, applied }) => ({ ...rule, applied }));
  }

  /**
   * The rules of a kind that an answer falls under, and counts it.
   *
   * @param {string} kind
   * @param {{ path: string, method: string }} request
   * @param {(rule: Fault) => boolean} [fits] - what else must be so.
   * @returns {{ rule: Fault, state: Record<string, unknown> }[]} `state` is the rule's own, from answer to answer.
   */
  all(kind, request, fits) {
    return this.#entries.filter((entry) => applies(entry, kind, request, fits));
  }

  /** The first rule of a kind that an answer falls under; those behind it are not counted. */
  one(kind, request, fits) {
    return this.#entries.find((entry) => applies(entry, kind, request, fits))?.rule;
  }
}

/** Whether an answer falls under a rule; if so, one of its times is used up. */
function applies(entry, kind, { path, method }, fits = () => true) {
  const { rule, pattern } = entry;
  if (rule.kind !== kind || !pattern.test(path)) return false;
  if (rule.method !== undefined && rule.method !== method) return false;
  if (!fits(rule) || entry.applied >= (rule.times ?? Number.POSITIVE_INFINITY)) return false;
  if (entry.passed < (rule.skip ?? 0)) {
    entry.passed++;
    return false;
  }
  entry.applied++;
  return true;
}

function check(rule) {
  const fields = KINDS[rule?.kind];
  if (!fields) {
    throw new TypeError(`A fault is of kind ${rule?.kind}; needed: one of ${Object.keys(KINDS).join(', ')}.`);
  }
  for (const [field, type] of Object.entries(fields)) {
    if (typeof rule[field] !== type) {
      throw new TypeError(`The fault ${rule.kind} has ${field} ${rule[field]}; needed: a ${type}.`);
    }
  }
}

/** A path ends with the pattern; an asterisk stands for any characters. */
function patternOf(path = '*') {
  const escaped = path.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`${escaped}$`);
}
