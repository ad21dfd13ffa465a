import { Findings } from './findings.js';
import { checkHandlings, checkOrder, checkRedeliveries, checkSettled } from './followers-check-handlings.js';
import { checkAnswers, checkEffects, checkFolds } from './followers-check-outcome.js';
import type { FollowersHistory, FollowersOutcome } from './followers-history.js';

/** What the checker of followers looks for; each name is a promise that was broken. */
export const FOLLOWER_RULES = [
  /** An acknowledged append is in the log. */
  'APPENDS_KEPT',
  /** Every event was handled to its end by everybody whom it concerns. */
  'ALL_HANDLED',
  /** What was handled is in the log as it was told, and concerns the follower. */
  'NOT_INVENTED',
  /** An event of a stream is begun when the one before it was handled to its end, by whomever. */
  'ORDER_KEPT',
  /** What was settled does not come again. */
  'SETTLED_STAYS',
  /** What comes again after faults is no more than was under way. */
  'AGAIN_BOUNDED',
  /** An effect in the transaction of the ack is there once for each event. */
  'EFFECTS_ONCE',
  /** Tables, states, and states of aggregates are folds over the log. */
  'READ_MODEL_FOLDS',
  'STATE_FOLDS',
  'AGGREGATES_FOLD',
  /** What is to be answered was answered once, and nothing else was … */
  'ANSWERED_ONCE',
  /** … in its order. */
  'ANSWERS_IN_ORDER',
  /** Nothing was parked, or stood still, but the stream that could not be handled. */
  'ONLY_POISON_HELD_BACK',
  /** When all have stopped nobody has a lease, a lock, a membership or a transaction. */
  'NOTHING_LEFT',
  /** No process ended that was not killed. */
  'NOBODY_ENDED',
] as const;
export type FollowerRule = (typeof FOLLOWER_RULES)[number];
export type FollowerFindings = Findings<FollowerRule>;

/** Holds what followers did against the log. Knows nothing but the two, and asks nobody. */
export function checkFollowers(history: FollowersHistory, outcome: FollowersOutcome): FollowerFindings {
  const findings: FollowerFindings = new Findings();
  checkAppends(history, outcome, findings);
  for (const follower of history.followers) {
    checkHandlings(follower, outcome.log, findings);
    if (follower.ordered) checkOrder(follower, outcome.log, findings);
    checkRedeliveries(follower, history, findings);
    checkSettled(follower, history, findings);
  }
  checkEffects(outcome, findings);
  checkFolds(outcome, findings);
  checkAnswers(outcome, findings);
  checkHeldBack(history, findings);
  for (const [what, count] of Object.entries(outcome.left)) {
    findings.count('NOTHING_LEFT');
    if (count > 0) findings.violate('NOTHING_LEFT', `${count} ${what} are left`);
  }
  findings.count('NOBODY_ENDED', history.followers.length);
  for (const text of history.accidents) findings.violate('NOBODY_ENDED', text);
  return findings;
}

function checkAppends(
  { appends }: FollowersHistory,
  { log }: FollowersOutcome,
  findings: FollowerFindings,
): void {
  const positions = new Map(log.map(({ eventId, position }) => [eventId, position]));
  for (const { eventIds, lastPosition } of appends)
    eventIds.forEach((eventId, index) => {
      findings.count('APPENDS_KEPT');
      const told = lastPosition - (eventIds.length - 1 - index);
      if (positions.get(eventId) !== told)
        findings.violate(
          'APPENDS_KEPT',
          `event ${eventId} is not at ${told} but at ${positions.get(eventId)}`,
        );
    });
}

function checkHeldBack({ poisoned, samples }: FollowersHistory, findings: FollowerFindings): void {
  for (const { failed, parked } of samples)
    for (const what of [...parked, ...failed]) {
      findings.count('ONLY_POISON_HELD_BACK');
      if (!what.endsWith(` ${poisoned}`))
        findings.violate('ONLY_POISON_HELD_BACK', `${what} was held back, and could have been handled`);
    }
}
