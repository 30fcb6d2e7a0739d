import type { Reply } from '../../workers/protocol.ts';
import type { EmbedderReport, LoadProgress } from '../types.ts';
import type { Product, Work } from './work.ts';

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

/** The leader is there, and its engine is being loaded. */
export interface Loading {
  readonly type: 'loading';
  readonly term: Term;
  readonly progress?: LoadProgress;
}

/** The leader is there, and its engine waits for calls. */
export interface Ready {
  readonly type: 'ready';
  readonly term: Term;
  readonly report: EmbedderReport;
}

/** The leader leads no more. Whoever took it for the leader looks for the one that is. */
export interface Ended {
  readonly type: 'ended';
  readonly term: Term;
}

/** A call for the leader; the same number from the same tab is the same call. */
export interface Call {
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

/** So many texts of a call are done. */
export interface Progress {
  readonly type: 'progress';
  readonly term: Term;
  readonly call: number;
  readonly done: number;
}

/** The one answer to a call. */
export interface Answer {
  readonly type: 'answer';
  readonly term: Term;
  readonly call: number;
  readonly reply: Reply<Product>;
}

/** What is told to every tab. */
export type Notice = Hello | Loading | Ready | Ended;
/** What one tab says to another. */
export type Letter = Loading | Ready | Call | Abort | Progress | Answer;
/** What a leader says. */
export type FromLeader = Loading | Ready | Progress | Answer;

export function sameTerm(a: Term | undefined, b: Term | undefined): boolean {
  return a?.leader === b?.leader && a?.since === b?.since;
}
