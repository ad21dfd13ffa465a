import type { MemberBeat } from './group-storage.js';

/** Milliseconds that a member's lease lasts, where nothing else is said … */
export const LEASE_MS = 6000;
/**
 * … and after which a slot that is wanted is taken away. Not less than a lease: by then a member whose beats fail has ended,
 * and one that was told has stopped to deliver, so that no two deliver events of a slot.
 */
export const RELEASE_MS = LEASE_MS;
/**
 * Streams of a group that may be parked. What is parked beyond that is kept as FAILING, and its slot begins anew at its
 * position, under another fence: it goes on when some are replayed.
 */
export const MAX_PARKED = 100_000;
/** Members of one beat … */
const MEMBERS = 1000;
/** … and its pieces of news. */
const NEWS = 10_000;

/** Throws `RangeError` for more than one transaction is to hold. */
export function refuseLargeBeat(beats: readonly MemberBeat[]): void {
  if (beats.length > MEMBERS)
    throw new RangeError(`A beat is of at most ${MEMBERS} members: ${beats.length}`);
  const news = beats.reduce((sum, beat) => sum + beat.news.length, 0);
  if (news > NEWS) throw new RangeError(`A beat has at most ${NEWS} pieces of news: ${news}`);
}
