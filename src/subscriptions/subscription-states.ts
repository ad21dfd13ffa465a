/**
 * A subscription's life, as a table: in each state, what each event leads to. The compiler holds it complete; the code
 * in `subscription.ts` moves only through {@link nextState}.
 *
 * | state       | PAGE_SCANNED | REACHED_HEAD | LEFT_RING   | TAIL_LOST | STOPPED |
 * |-------------|--------------|--------------|-------------|-----------|---------|
 * | CATCHING_UP | CATCHING_UP  | LIVE         | CATCHING_UP | ENDED     | ENDED   |
 * | LIVE        | LIVE         | LIVE         | CATCHING_UP | ENDED     | ENDED   |
 * | ENDED       | ENDED        | ENDED        | ENDED       | ENDED     | ENDED   |
 */
export const SUBSCRIPTION_STATES = {
  /** Reads pages from the table, at the reader's pace. */
  CATCHING_UP: {
    PAGE_SCANNED: 'CATCHING_UP',
    REACHED_HEAD: 'LIVE',
    LEFT_RING: 'CATCHING_UP',
    TAIL_LOST: 'ENDED',
    STOPPED: 'ENDED',
  },
  /** Is fed from the ring, as the tail reader fills it. */
  LIVE: {
    PAGE_SCANNED: 'LIVE',
    REACHED_HEAD: 'LIVE',
    LEFT_RING: 'CATCHING_UP',
    TAIL_LOST: 'ENDED',
    STOPPED: 'ENDED',
  },
  /** Gives nothing any more. */
  ENDED: {
    PAGE_SCANNED: 'ENDED',
    REACHED_HEAD: 'ENDED',
    LEFT_RING: 'ENDED',
    TAIL_LOST: 'ENDED',
    STOPPED: 'ENDED',
  },
} as const satisfies Record<SubscriptionState, Record<SubscriptionEvent, SubscriptionState>>;

export type SubscriptionState = 'CATCHING_UP' | 'LIVE' | 'ENDED';

export type SubscriptionEvent =
  /** A page was read, from the table or from the ring. */
  | 'PAGE_SCANNED'
  /** The table is read up to its head, and the ring goes on from there: announced as caught up. */
  | 'REACHED_HEAD'
  /** The ring no longer holds what comes next, the reader was too slow: announced as fallen behind. */
  | 'LEFT_RING'
  /** The log is in a new epoch that lacks what was delivered: ends with `LogEpochChangedError`. */
  | 'TAIL_LOST'
  /** Left by its reader, aborted, or the store is away for too long. */
  | 'STOPPED';

export function nextState(state: SubscriptionState, event: SubscriptionEvent): SubscriptionState {
  return SUBSCRIPTION_STATES[state][event];
}
