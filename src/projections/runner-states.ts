/**
 * What becomes of a generation that a runner has a lease for, as a table: in each state, what each event leads to. The
 * compiler holds it complete; the code in `runner-generation.ts` moves only through {@link nextState}.
 *
 * | state    | OPENED  | MOVED_ON | TRY_AGAIN | GAVE_UP | HALTED | LET_GO_ON | BEGUN_AGAIN | LEFT  |
 * |----------|---------|----------|-----------|---------|--------|-----------|-------------|-------|
 * | OPENING  | RUNNING | OPENING  | OPENING   | FAILED  | PAUSED | OPENING   | OPENING     | ENDED |
 * | RUNNING  | RUNNING | RUNNING  | RETRYING  | FAILED  | PAUSED | RUNNING   | RUNNING     | ENDED |
 * | RETRYING | RUNNING | RUNNING  | RETRYING  | FAILED  | PAUSED | RETRYING  | RUNNING     | ENDED |
 * | PAUSED   | RUNNING | RUNNING  | PAUSED    | FAILED  | PAUSED | RUNNING   | RUNNING     | ENDED |
 * | FAILED   | RUNNING | FAILED   | FAILED    | FAILED  | FAILED | FAILED    | RUNNING     | ENDED |
 * | ENDED    | ENDED   | ENDED    | ENDED     | ENDED   | ENDED  | ENDED     | ENDED       | ENDED |
 */
export const GENERATION_STATES = {
  /** Makes ready what it needs. */
  OPENING: {
    OPENED: 'RUNNING',
    MOVED_ON: 'OPENING',
    TRY_AGAIN: 'OPENING',
    GAVE_UP: 'FAILED',
    HALTED: 'PAUSED',
    LET_GO_ON: 'OPENING',
    BEGUN_AGAIN: 'OPENING',
    LEFT: 'ENDED',
  },
  /** Follows the log. */
  RUNNING: {
    OPENED: 'RUNNING',
    MOVED_ON: 'RUNNING',
    TRY_AGAIN: 'RETRYING',
    GAVE_UP: 'FAILED',
    HALTED: 'PAUSED',
    LET_GO_ON: 'RUNNING',
    BEGUN_AGAIN: 'RUNNING',
    LEFT: 'ENDED',
  },
  /** Something has failed, and is tried again after a while. */
  RETRYING: {
    OPENED: 'RUNNING',
    MOVED_ON: 'RUNNING',
    TRY_AGAIN: 'RETRYING',
    GAVE_UP: 'FAILED',
    HALTED: 'PAUSED',
    LET_GO_ON: 'RETRYING',
    BEGUN_AGAIN: 'RUNNING',
    LEFT: 'ENDED',
  },
  /** Keeps its lease and does nothing. */
  PAUSED: {
    OPENED: 'RUNNING',
    MOVED_ON: 'RUNNING',
    TRY_AGAIN: 'PAUSED',
    GAVE_UP: 'FAILED',
    HALTED: 'PAUSED',
    LET_GO_ON: 'RUNNING',
    BEGUN_AGAIN: 'RUNNING',
    LEFT: 'ENDED',
  },
  /** Stays in front of an event until it is resumed or reset. */
  FAILED: {
    OPENED: 'RUNNING',
    MOVED_ON: 'FAILED',
    TRY_AGAIN: 'FAILED',
    GAVE_UP: 'FAILED',
    HALTED: 'FAILED',
    LET_GO_ON: 'FAILED',
    BEGUN_AGAIN: 'RUNNING',
    LEFT: 'ENDED',
  },
  /** Has given its lease back, or lost it. */
  ENDED: {
    OPENED: 'ENDED',
    MOVED_ON: 'ENDED',
    TRY_AGAIN: 'ENDED',
    GAVE_UP: 'ENDED',
    HALTED: 'ENDED',
    LET_GO_ON: 'ENDED',
    BEGUN_AGAIN: 'ENDED',
    LEFT: 'ENDED',
  },
} as const satisfies Record<GenerationState, Record<GenerationEvent, GenerationState>>;

export type GenerationState = 'OPENING' | 'RUNNING' | 'RETRYING' | 'PAUSED' | 'FAILED' | 'ENDED';

export type GenerationEvent =
  /** What it needs is ready. */
  | 'OPENED'
  /** Events were handled and the position kept. */
  | 'MOVED_ON'
  /** A handler or a store has failed, and is asked again. */
  | 'TRY_AGAIN'
  /** Only a person can say what is to be done. */
  | 'GAVE_UP'
  /** A pause was ordered. */
  | 'HALTED'
  /** No pause is ordered any more. */
  | 'LET_GO_ON'
  /** It was resumed after a failure, or reset. */
  | 'BEGUN_AGAIN'
  /** Stopped, deleted, replaced, or its lease was lost. */
  | 'LEFT';

export function nextState(state: GenerationState, event: GenerationEvent): GenerationState {
  return GENERATION_STATES[state][event];
}
