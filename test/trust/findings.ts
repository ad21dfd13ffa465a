/** What the checker looks for; each name is a promise that was broken. */
export type Rule =
  /** An acknowledged append is in the log as it was told, byte for byte (G1). */
  | 'ACK_KEPT'
  /** What is in the log was sent by somebody. */
  | 'NOT_INVENTED'
  /** No event id is there twice (G6). */
  | 'ID_UNIQUE'
  /** A repeat is answered as the first time, and its ids mean nothing else (G6). */
  | 'REPEAT_ANSWERED'
  /** Positions are 1 … N (G3). */
  | 'POSITIONS_DENSE'
  /** Versions are 1 … n in each stream (G2). */
  | 'VERSIONS_CONTIGUOUS'
  /** An append is in the log as a whole and in one piece (G4). */
  | 'BATCH_WHOLE'
  /** What was written held its expected versions right before it in the log (G5). */
  | 'EXPECTED_VERSION_HELD'
  /** What was refused, checked or read was so at some moment of the call (G5). */
  | 'STATE_WAS_CURRENT'
  /** What returned before another was called stands before it in the log (G5). */
  | 'REAL_TIME_ORDER'
  /** `recorded_at` never runs backwards along positions (G3). */
  | 'TIME_FORWARD'
  /** A follower was given all that matches, once, in order, and nothing else (G8). */
  | 'FEED_COMPLETE'
  /** The ranges that a follower was told meet, over restarts too, and hold their events (G8). */
  | 'RANGES_MEET'
  /** NOT_APPLIED was not applied; UNKNOWN became one answer when it was sent again. */
  | 'OUTCOME_HONEST'
  /** SQL and the store's own Load tell the same log. */
  | 'READS_AGREE'
  /** Nothing failed in a way that the contract does not know. */
  | 'ERRORS_KNOWN';

export interface Violation<R extends string = Rule> {
  readonly rule: R;
  readonly text: string;
}

const SHOWN = 10;

/** What was checked and what was found wrong. */
export class Findings<R extends string = Rule> {
  readonly checked = new Map<R, number>();
  readonly broken = new Map<R, number>();
  /** The first ones of each rule. */
  readonly violations: Violation<R>[] = [];

  /** So many items were looked at for this rule. */
  count(rule: R, items = 1): void {
    this.checked.set(rule, (this.checked.get(rule) ?? 0) + items);
  }

  violate(rule: R, text: string): void {
    const times = (this.broken.get(rule) ?? 0) + 1;
    this.broken.set(rule, times);
    if (times <= SHOWN) this.violations.push({ rule, text });
  }
}
