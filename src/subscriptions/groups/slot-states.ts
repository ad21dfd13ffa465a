/**
 * A slot at a member, as a table. The compiler holds it complete; `member-slot.ts` moves only through
 * {@link nextSlotState}.
 *
 * | state     | WANTED    | KEPT     | ANSWERED | TAKEN |
 * |-----------|-----------|----------|----------|-------|
 * | HELD      | RELEASING | HELD     | HELD     | GONE  |
 * | RELEASING | RELEASING | HELD     | RELEASED | GONE  |
 * | RELEASED  | RELEASED  | RELEASED | RELEASED | GONE  |
 * | GONE      | GONE      | GONE     | GONE     | GONE  |
 */
export const SLOT_STATES = {
  /** Its events are delivered. */
  HELD: { WANTED: 'RELEASING', KEPT: 'HELD', ANSWERED: 'HELD', TAKEN: 'GONE' },
  /** Nothing new of it is delivered, but for what lies below events that are done already; answers are awaited. */
  RELEASING: { WANTED: 'RELEASING', KEPT: 'HELD', ANSWERED: 'RELEASED', TAKEN: 'GONE' },
  /** Each beat says that it is free, until one was answered: an earlier one may have come through. */
  RELEASED: { WANTED: 'RELEASED', KEPT: 'RELEASED', ANSWERED: 'RELEASED', TAKEN: 'GONE' },
  /** Another's, or nobody's. */
  GONE: { WANTED: 'GONE', KEPT: 'GONE', ANSWERED: 'GONE', TAKEN: 'GONE' },
} as const satisfies Record<SlotState, Record<SlotEvent, SlotState>>;

export type SlotState = 'HELD' | 'RELEASING' | 'RELEASED' | 'GONE';

export type SlotEvent =
  /** A beat was answered: another member is to have it. */
  | 'WANTED'
  /** A beat was answered: the member has it. */
  | 'KEPT'
  /** Nothing of it is under way, and all answers are confirmed. */
  | 'ANSWERED'
  /** A beat was answered without it or with a later fence, or the membership ended. */
  | 'TAKEN';

export function nextSlotState(state: SlotState, event: SlotEvent): SlotState {
  return SLOT_STATES[state][event];
}
