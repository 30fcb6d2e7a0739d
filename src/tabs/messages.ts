import type { Reply } from '../reply.ts';

/** One time of one tab as leader. */
export interface Term {
  /** Id of the tab. */
  readonly leader: string;
  /** When it began, in milliseconds since 1970, and later than any term that the tab knew of: the latest term is the one that counts. */
  readonly since: number;
}

/** Somebody looks for the leader, or asks whether it is still there. */
export interface Hello {
  readonly type: 'hello';
  readonly from: string;
}

/** The leader is there, and its service is being started. */
export interface Starting<Loading> {
  readonly type: 'starting';
  readonly term: Term;
  readonly progress?: Loading;
}

/** The leader is there, and its service waits for calls. */
export interface Ready<Report> {
  readonly type: 'ready';
  readonly term: Term;
  readonly report: Report;
}

/** The leader leads no more. Whoever took it for the leader looks for the one that is. */
export interface Ended {
  readonly type: 'ended';
  readonly term: Term;
}

/** A call for the leader; the same number from the same tab is the same call. */
export interface Call<Work> {
  readonly type: 'call';
  readonly term: Term;
  readonly from: string;
  readonly call: number;
  readonly work: Work;
  /** Whether somebody wants to hear of its progress. */
  readonly progress: boolean;
}

/** Nobody waits for a call any more. */
export interface Abort {
  readonly type: 'abort';
  readonly term: Term;
  readonly from: string;
  readonly call: number;
}

/** So much of a call is done. */
export interface Progress {
  readonly type: 'progress';
  readonly term: Term;
  readonly call: number;
  readonly done: number;
}

/** The one answer to a call. */
export interface Answer<Product, Report> {
  readonly type: 'answer';
  readonly term: Term;
  readonly call: number;
  readonly reply: Reply<Product>;
  /** What the service reports now: work can change it. */
  readonly report: Report;
}

/** What a leader says to tabs that follow it. */
export type FromLeader<Product, Report, Loading> =
  | Starting<Loading>
  | Ready<Report>
  | Progress
  | Answer<Product, Report>;
/** What tabs say to each other, to all or to one. */
export type Message<Work, Product, Report, Loading> =
  | Hello
  | Ended
  | Call<Work>
  | Abort
  | FromLeader<Product, Report, Loading>;

export function sameTerm(a: Term | undefined, b: Term | undefined): boolean {
  return a?.leader === b?.leader && a?.since === b?.since;
}
