import type { Locks } from './leadership.ts';
import type { OpenChannel } from './post.ts';

/** What tabs find each other by. */
export interface Meeting {
  readonly locks: Locks;
  readonly openChannel: OpenChannel;
  /** Where the browser says that the page is put aside and comes back: its window. */
  readonly page?: EventTarget;
}

/** How this page meets other tabs, or nothing where its browser gives it no means. */
export function meetingPlace(): Meeting | undefined {
  const locks: Locks | undefined = globalThis.navigator?.locks;
  if (!locks || typeof BroadcastChannel !== 'function') return undefined;
  return { locks, openChannel: (name) => new BroadcastChannel(name), page: globalThis.window };
}
