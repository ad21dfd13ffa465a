import { slotOf } from '../../src/subscriptions/groups/slot-of.js';
import type { FollowerFindings } from './followers-checker.js';
import type { FollowedEvent, Follower, FollowersHistory, Handling, Sample } from './followers-history.js';

/** Milliseconds that may lie between what the tables say and what a process that has not stood still has heard of it. */
const NEWS_MS = 3000;
/** How much later one that stood still may begin something that is settled long since. */
const WAKING_MS = 3000;

/** Each event that concerns a follower was handled to its end, and nothing was that is not so in the log. */
export function checkHandlings(
  { handlings, name, wants }: Follower,
  log: readonly FollowedEvent[],
  findings: FollowerFindings,
): void {
  const ended = new Set(
    handlings.filter((one) => Number.isFinite(one.ended)).map(({ position }) => position),
  );
  const wanted = new Map(log.filter(wants).map((event) => [event.position, event]));
  for (const { position, stream, version } of wanted.values()) {
    findings.count('ALL_HANDLED');
    if (!ended.has(position))
      findings.violate('ALL_HANDLED', `${name} never handled ${position} (${stream} ${version})`);
  }
  for (const { eventId, position, process, stream, version } of handlings) {
    findings.count('NOT_INVENTED');
    const event = wanted.get(position);
    if (event?.eventId !== eventId || event.stream !== stream || event.version !== version)
      findings.violate(
        'NOT_INVENTED',
        `${process} handled ${eventId} as ${position} (${stream} ${version}), where the log has ${event?.eventId}`,
      );
  }
}

/** The first time that an event is begun, the one before it in its stream has been handled to its end, by whomever. */
export function checkOrder(
  { handlings, name, wants }: Follower,
  log: readonly FollowedEvent[],
  findings: FollowerFindings,
): void {
  const times = new Map<number, { began: number; ended: number }>();
  for (const { began, ended, position } of handlings) {
    const found = times.get(position);
    if (found === undefined) times.set(position, { began, ended });
    else times.set(position, { began: Math.min(found.began, began), ended: Math.min(found.ended, ended) });
  }
  const before = new Map<string, FollowedEvent>();
  for (const event of log.filter(wants)) {
    const former = before.get(event.stream);
    before.set(event.stream, event);
    const [earlier, later] = [former && times.get(former.position), times.get(event.position)];
    if (former === undefined || later === undefined) continue;
    findings.count('ORDER_KEPT');
    if (!(earlier !== undefined && earlier.ended <= later.began))
      findings.violate(
        'ORDER_KEPT',
        `${name} began ${event.stream} ${event.version} at ${later.began}, and ended ${former.version} at ${earlier?.ended}`,
      );
  }
}

/** How often something was handled that had been begun before; what could not be handled for a while does not count. */
export function timesAgain({ handlings }: Follower, poisoned: string): number {
  const counted = handlings.filter(({ stream }) => stream !== poisoned);
  return counted.length - new Set(counted.map(({ position }) => position)).size;
}

export function checkRedeliveries(
  follower: Follower,
  history: FollowersHistory,
  findings: FollowerFindings,
): void {
  if (follower.again === undefined) return;
  // What befalls a broker, or another follower, is no reason.
  const faults = history.faults.filter(
    ({ kind, target }) => target.startsWith(`${follower.name} `) || /service|Postgres/.test(kind),
  ).length;
  const again = timesAgain(follower, history.poisoned);
  findings.count('AGAIN_BOUNDED');
  if (again > faults * follower.again)
    findings.violate(
      'AGAIN_BOUNDED',
      `${follower.name} handled ${again} events again, and ${faults} faults explain ${faults * follower.again}`,
    );
}

/** Nobody begins what was settled, as the tables told it, some time before. */
export function checkSettled(
  { handlings, name }: Follower,
  { poisoned, samples, stalls }: FollowersHistory,
  findings: FollowerFindings,
): void {
  if (!samples.some(({ kept, slots }) => kept.has(name) || slots.has(name))) return;
  let at = -1;
  for (const one of handlings.toSorted((first, second) => first.began - second.began)) {
    while ((samples[at + 1]?.at ?? Number.POSITIVE_INFINITY) + NEWS_MS <= one.began) at += 1;
    const sample = samples[at];
    const stood = stalls.some(
      (stall) =>
        stall.process === one.process && stall.began <= one.began && one.began <= stall.ended + WAKING_MS,
    );
    // What is parked, or has failed, is tried again long after its position has passed.
    if (sample === undefined || stood || one.stream === poisoned) continue;
    findings.count('SETTLED_STAYS');
    const settled = settledFor(one, name, sample);
    if (one.position <= settled)
      findings.violate(
        'SETTLED_STAYS',
        `${one.process} began ${one.position} (${one.stream}) ${(one.began - sample.at).toFixed(0)} ms after ${settled} was settled`,
      );
  }
}

function settledFor({ stream }: Handling, follower: string, { kept, slots }: Sample): number {
  const positions = slots.get(follower);
  if (positions === undefined) return kept.get(follower) ?? 0;
  const [aggregateType = '', aggregateId = ''] = stream.split('/');
  return positions[slotOf({ aggregateType, aggregateId }, positions.length)] ?? 0;
}
