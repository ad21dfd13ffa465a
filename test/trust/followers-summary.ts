import { seconds } from './command-summary.js';
import { timesAgain } from './followers-check-handlings.js';
import type {
  Follower,
  FollowerFault,
  FollowersHistory,
  FollowersOutcome,
  Handling,
} from './followers-history.js';

/** For which a process may go on that is being killed. */
const DYING_MS = 500;

/** What a run did, in lines for a person. */
export function followersSummary(history: FollowersHistory, { effects, log }: FollowersOutcome): string {
  const { appends, faults, followers, samples } = history;
  const streams = new Set(log.map(({ stream }) => stream)).size;
  const handled = followers.reduce((sum, { handlings }) => sum + handlings.length, 0);
  const kinds = new Map<string, number>();
  for (const { kind } of faults) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  return [
    `${appends.length} appends, ${log.length} events in ${streams} streams, ${handled} deliveries, ${effects.length} effects ` +
      `in SQL; what is settled was looked at ${samples.length} times`,
    `${faults.length} faults: ${[...kinds].map(([kind, times]) => `${times} × ${kind}`).join(', ')}`,
    ...followers.map((follower) => followerLine(follower, history)),
  ].join('\n');
}

function followerLine(follower: Follower, { faults, poisoned }: FollowersHistory): string {
  const { handlings, name } = follower;
  const times = faults
    .filter((fault) => fault.target.startsWith(`${name} `))
    .flatMap((fault) => {
      const took = takeOver(follower, fault);
      if (took === undefined) return [];
      const also = faults.filter(
        (other) => other.began > fault.began && other.began < fault.began + took,
      ).length;
      return also > 0 ? `${seconds(took)} (with ${also} more faults)` : seconds(took);
    });
  const worst = times.length > 0 ? `, taken over after ${times.join(', ')}` : '';
  return `  ${name}: ${handlings.length} deliveries, ${timesAgain(follower, poisoned)} of them again${worst}`;
}

/** From when the process that worked was lost until an event was begun again, by whomever; undefined: it did not work. */
function takeOver({ handlings }: Follower, { began, target }: FollowerFault): number | undefined {
  let last: Handling | undefined;
  let next: Handling | undefined;
  for (const one of handlings)
    if (one.began <= began) last = last === undefined || one.began > last.began ? one : last;
    else if (one.process !== target || one.began > began + DYING_MS)
      next = next === undefined || one.began < next.began ? one : next;
  return last?.process === target && next !== undefined ? next.began - began : undefined;
}
