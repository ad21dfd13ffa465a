/**
 * A stream in a slot, as a table. The compiler holds it complete; `group-stream.ts` moves only through
 * {@link nextStreamState}. Streams of which nothing is to be done are IDLE and forgotten.
 *
 * | state            | QUEUED           | DELIVERED        | ANSWERED     | EMPTIED   | FAILED          | DUE          | PARKED | REPLAY    | CAUGHT_UP |
 * |------------------|------------------|------------------|--------------|-----------|-----------------|--------------|--------|-----------|-----------|
 * | IDLE             | READY            | -                | -            | -         | -               | -            | PARKED | REPLAYING | -         |
 * | READY            | -                | IN_FLIGHT        | -            | IDLE      | -               | -            | PARKED | -         | -         |
 * | IN_FLIGHT        | -                | -                | READY        | IDLE      | RETRYING        | -            | PARKED | -         | -         |
 * | RETRYING         | -                | -                | -            | IDLE      | -               | READY        | PARKED | -         | -         |
 * | PARKED           | -                | -                | -            | -         | -               | -            | -      | REPLAYING | -         |
 * | REPLAYING        | REPLAY_READY     | -                | -            | -         | -               | -            | PARKED | -         | IDLE      |
 * | REPLAY_READY     | -                | REPLAY_IN_FLIGHT | -            | REPLAYING | -               | -            | PARKED | -         | -         |
 * | REPLAY_IN_FLIGHT | -                | -                | REPLAY_READY | REPLAYING | REPLAY_RETRYING | -            | PARKED | -         | -         |
 * | REPLAY_RETRYING  | -                | -                | -            | REPLAYING | -               | REPLAY_READY | PARKED | -         | -         |
 *
 * A dash: it stays as it is.
 */
export const STREAM_STATES = {
  /** Nothing of it is at hand. */
  IDLE: on('IDLE', { QUEUED: 'READY', PARKED: 'PARKED', REPLAY: 'REPLAYING' }),
  /** Its next events wait for credit. */
  READY: on('READY', { DELIVERED: 'IN_FLIGHT', EMPTIED: 'IDLE', PARKED: 'PARKED' }),
  /** One delivery is under way; what follows waits. */
  IN_FLIGHT: on('IN_FLIGHT', { ANSWERED: 'READY', EMPTIED: 'IDLE', FAILED: 'RETRYING', PARKED: 'PARKED' }),
  /** An event failed and waits for its next attempt, and the rest behind it. */
  RETRYING: on('RETRYING', { EMPTIED: 'IDLE', DUE: 'READY', PARKED: 'PARKED' }),
  /** Held back; the feed passes over its events. */
  PARKED: on('PARKED', { REPLAY: 'REPLAYING' }),
  /** Is read again, from the event on that was parked. */
  REPLAYING: on('REPLAYING', { QUEUED: 'REPLAY_READY', PARKED: 'PARKED', CAUGHT_UP: 'IDLE' }),
  REPLAY_READY: on('REPLAY_READY', { DELIVERED: 'REPLAY_IN_FLIGHT', EMPTIED: 'REPLAYING', PARKED: 'PARKED' }),
  REPLAY_IN_FLIGHT: on('REPLAY_IN_FLIGHT', {
    ANSWERED: 'REPLAY_READY',
    EMPTIED: 'REPLAYING',
    FAILED: 'REPLAY_RETRYING',
    PARKED: 'PARKED',
  }),
  REPLAY_RETRYING: on('REPLAY_RETRYING', { EMPTIED: 'REPLAYING', DUE: 'REPLAY_READY', PARKED: 'PARKED' }),
} as const satisfies Record<StreamState, Record<StreamEvent, StreamState>>;

export type StreamState =
  | 'IDLE'
  | 'READY'
  | 'IN_FLIGHT'
  | 'RETRYING'
  | 'PARKED'
  | 'REPLAYING'
  | 'REPLAY_READY'
  | 'REPLAY_IN_FLIGHT'
  | 'REPLAY_RETRYING';

export type StreamEvent =
  /** An event of it is at hand: from the feed, or read again. */
  | 'QUEUED'
  /** Some of its events were given to the consumer. */
  | 'DELIVERED'
  /** All that was under way is answered, and more is at hand. */
  | 'ANSWERED'
  /** Nothing is under way or at hand any more. */
  | 'EMPTIED'
  /** An event is to be tried again, later. */
  | 'FAILED'
  /** The time for that has come. */
  | 'DUE'
  /** An event was given up, or a mark says so. */
  | 'PARKED'
  /** A mark says that it is to be tried again. */
  | 'REPLAY'
  /** The replay has come to where the feed is. */
  | 'CAUGHT_UP';

export function nextStreamState(state: StreamState, event: StreamEvent): StreamState {
  return STREAM_STATES[state][event];
}

function on(
  state: StreamState,
  moves: Partial<Record<StreamEvent, StreamState>>,
): Record<StreamEvent, StreamState> {
  return {
    QUEUED: state,
    DELIVERED: state,
    ANSWERED: state,
    EMPTIED: state,
    FAILED: state,
    DUE: state,
    PARKED: state,
    REPLAY: state,
    CAUGHT_UP: state,
    ...moves,
  };
}
