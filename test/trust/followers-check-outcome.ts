import type { FollowerFindings, FollowerRule } from './followers-checker.js';
import type { FollowedEvent, FollowersOutcome } from './followers-history.js';

const MONEY = new Set(['Deposited', 'Withdrawn']);

export function isOfAccount({ stream }: FollowedEvent): boolean {
  return stream.startsWith('Account/');
}

export function isMoney(event: FollowedEvent): boolean {
  return isOfAccount(event) && MONEY.has(event.eventType);
}

/** Whether the reactor has to answer it. */
export function isAnswered(event: FollowedEvent): boolean {
  return isOfAccount(event) && event.eventType === 'Deposited' && event.amount % 3 === 0;
}

function changeOf({ amount, eventType }: FollowedEvent): number {
  return eventType === 'Deposited' ? amount : eventType === 'Withdrawn' ? -amount : 0;
}

/** Each event has its row, and one only. */
export function checkEffects({ effects, log }: FollowersOutcome, findings: FollowerFindings): void {
  const times = new Map<number, number>();
  for (const position of effects) times.set(position, (times.get(position) ?? 0) + 1);
  for (const { position } of log.filter(isMoney)) {
    findings.count('EFFECTS_ONCE');
    const found = times.get(position) ?? 0;
    if (found !== 1) findings.violate('EFFECTS_ONCE', `event ${position} had its effect ${found} times`);
    times.delete(position);
  }
  for (const position of times.keys())
    findings.violate('EFFECTS_ONCE', `event ${position} had an effect, and concerns nobody`);
}

/** What was built event by event is what the log comes to. */
export function checkFolds(
  { balances, log, standings, totals }: FollowersOutcome,
  findings: FollowerFindings,
): void {
  const money = foldedByAccount(log.filter(isMoney));
  const all = foldedByAccount(log.filter(isOfAccount));
  compare('READ_MODEL_FOLDS', 'balance', money, balances, findings);
  compare('AGGREGATES_FOLD', 'standing', all, standings, findings);

  const events: Record<string, number> = {};
  for (const { eventType } of log) events[eventType] = (events[eventType] ?? 0) + 1;
  const amount = log.reduce((sum, event) => sum + changeOf(event), 0);
  findings.count('STATE_FOLDS', log.length);
  const sorted = (counts: Readonly<Record<string, number>>) =>
    JSON.stringify(Object.entries(counts).toSorted(([one], [other]) => (one < other ? -1 : 1)));
  if (totals.amount !== amount)
    findings.violate('STATE_FOLDS', `the total is ${totals.amount}, not ${amount}`);
  if (sorted(totals.events) !== sorted(events))
    findings.violate('STATE_FOLDS', `the state counts ${sorted(totals.events)}, the log ${sorted(events)}`);
}

interface Folded {
  amount: number;
  events: number;
  version?: number;
}

function foldedByAccount(events: readonly FollowedEvent[]): ReadonlyMap<string, Folded> {
  const found = new Map<string, Folded>();
  for (const event of events) {
    const account = event.stream.slice('Account/'.length);
    const { amount, events: before } = found.get(account) ?? { amount: 0, events: 0 };
    found.set(account, { amount: amount + changeOf(event), events: before + 1, version: event.version });
  }
  return found;
}

function compare(
  rule: FollowerRule,
  what: string,
  folded: ReadonlyMap<string, Folded>,
  found: ReadonlyMap<string, Folded>,
  findings: FollowerFindings,
): void {
  for (const account of new Set([...folded.keys(), ...found.keys()])) {
    findings.count(rule);
    const [wanted, is] = [folded.get(account), found.get(account)];
    const agrees =
      is?.amount === wanted?.amount &&
      is?.events === wanted?.events &&
      (is?.version === undefined || is.version === wanted?.version);
    if (!agrees)
      findings.violate(
        rule,
        `the ${what} of ${account} is ${JSON.stringify(is)}, the log has ${JSON.stringify(wanted)}`,
      );
  }
}

/** Each event that asks for one has one answer, and the answers to a stream stand in its order. */
export function checkAnswers({ log }: FollowersOutcome, findings: FollowerFindings): void {
  const asking = new Map(log.filter(isAnswered).map((event) => [event.eventId, event]));
  const answers = new Map<string, number>();
  const last = new Map<string, number>();
  for (const answer of log.filter((event) => !isOfAccount(event))) {
    const asked = asking.get(answer.causationId);
    if (
      asked === undefined ||
      answer.stream.slice('Receipt/'.length) !== asked.stream.slice('Account/'.length)
    )
      findings.violate('ANSWERED_ONCE', `event ${answer.position} answers nothing that asked for it`);
    answers.set(answer.causationId, (answers.get(answer.causationId) ?? 0) + 1);
    if (asked === undefined) continue;
    findings.count('ANSWERS_IN_ORDER');
    const before = last.get(answer.stream) ?? 0;
    if (asked.position < before)
      findings.violate(
        'ANSWERS_IN_ORDER',
        `${asked.position} was answered after ${before}, in ${answer.stream}`,
      );
    last.set(answer.stream, asked.position);
  }
  for (const { eventId, position } of asking.values()) {
    findings.count('ANSWERED_ONCE');
    const found = answers.get(eventId) ?? 0;
    if (found !== 1) findings.violate('ANSWERED_ONCE', `event ${position} was answered ${found} times`);
  }
}
