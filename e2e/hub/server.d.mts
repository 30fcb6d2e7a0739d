import type { HubFile, RandomModel } from './random-model.mjs';

/** Fields of all faults. */
interface FaultFields {
  /** The paths that it fits end with this; an asterisk stands for any characters. Default: all paths. */
  readonly path?: string;
  readonly method?: string;
  /** How many answers that it fits it lets pass first. Default: 0. */
  readonly skip?: number;
  /** How many answers it spoils after that. Default: all. */
  readonly times?: number;
}

/** What a server can do wrong. */
export type Fault = FaultFields &
  (
    | {
        readonly kind: 'throttle';
        /** Of all connections together. */
        readonly bytesPerSecond: number;
      }
    | { readonly kind: 'latency'; readonly ms: number }
    | {
        readonly kind: 'cut';
        /** Bytes of the answer's body. */
        readonly after: number;
      }
    | {
        readonly kind: 'stall';
        /** Bytes of the answer's body. */
        readonly after: number;
        /** Default: for ever. */
        readonly ms?: number;
      }
    | {
        readonly kind: 'corrupt';
        /** Offset in the file. */
        readonly at: number;
      }
    | {
        readonly kind: 'length';
        /** What is added to the Content-Length. */
        readonly by: number;
      }
    | { readonly kind: 'ignore-range' }
    | {
        readonly kind: 'wrong-range';
        /** What is added to the Content-Range. Default: 1. */
        readonly by?: number;
      }
    | {
        readonly kind: 'status';
        readonly status: number;
        /** Seconds, or a date. */
        readonly retryAfter?: number | string;
      }
    | { readonly kind: 'html' }
    | { readonly kind: 'change' }
    | { readonly kind: 'gzip' }
    | {
        readonly kind: 'headers';
        /** Null leaves a header out. */
        readonly headers: Record<string, string | null>;
      }
    | { readonly kind: 'offline' }
  );

/** What was asked for, and what became of it. */
export interface HubRequest {
  readonly method: string;
  readonly path: string;
  readonly range: string | null;
  /** 0 where there was no answer. */
  readonly status: number;
  /** Bytes of a file that were handed over to the connection, before compression. */
  readonly bytes: number;
  /** `gone`: the peer closed the connection; `cut`: the server did. */
  readonly end: 'open' | 'sending' | 'complete' | 'cut' | 'gone';
}

/** The rules of what goes wrong, changed while the server runs. Each throws a TypeError for a rule that is none. */
export interface Faults {
  /** @returns what takes the rule away again. */
  add(rule: Fault): () => void;
  /** Puts rules in the place of all that there are. */
  set(...rules: Fault[]): void;
  clear(): void;
  /** The rules, each with how many answers it has spoilt. */
  list(): (Fault & { readonly applied: number })[];
}

export interface HubOptions {
  /** By `owner/name`. */
  readonly models?: Readonly<Record<string, RandomModel>>;
  /** Folders on disk, by name. */
  readonly folders?: Readonly<Record<string, string>>;
  /** Files by path. */
  readonly files?: Readonly<Record<string, Uint8Array | string | HubFile>>;
  /** Default: any that is free. */
  readonly port?: number;
  /** Whether X-Linked-ETag is the true SHA-256, for which a file is made once. Default: false; it only looks like one. */
  readonly hashes?: boolean;
}

export interface Hub {
  /** `http://localhost:…`, without a slash at its end. */
  readonly url: string;
  readonly requests: HubRequest[];
  readonly faults: Faults;
  /** Ends all connections, and resolves when the port is free again. */
  close(): Promise<void>;
}

/**
 * Starts the server: `/{owner}/{name}/resolve/{main or commit}/{path}` as on the hub, `/folder/{name}/{path}` plainly, the given
 * files at their paths, and `/faults` and `/requests` to control it from a page.
 */
export function startHub(options?: HubOptions): Promise<Hub>;
