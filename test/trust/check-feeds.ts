import { name } from './check-log.js';
import type { Findings } from './findings.js';
import type { AppendOperation, Feed, LoggedEvent } from './history.js';

/** Each follower was given the final log, as far as it asked for it. */
export function checkFeeds(
  feeds: readonly Feed[],
  log: readonly LoggedEvent[],
  operations: readonly AppendOperation[],
  findings: Findings,
): void {
  const head = log.at(-1)?.position ?? 0;
  const epochs = new Set<number>();
  for (const { result } of operations) if (result.kind === 'APPENDED') epochs.add(result.epoch);
  for (const feed of feeds) {
    checkRanges(feed, head, findings);
    checkEvents(feed, log, findings);
    for (const failure of feed.failures) findings.violate('ERRORS_KNOWN', `${feed.name}: ${failure}`);
    for (const epoch of feed.epochs) epochs.add(epoch);
  }
  // A crash loses nothing, so it begins no epoch.
  if (epochs.size > 1)
    findings.violate('RANGES_MEET', `positions were told in the epochs ${[...epochs].join(', ')}`);
}

function checkRanges({ name: who, positions, ranges, start }: Feed, head: number, findings: Findings): void {
  let end = start ?? 0;
  let given = 0;
  for (let index = 0; index < ranges.length; index += 3) {
    const [after = 0, to = 0, events = 0] = ranges.slice(index, index + 3);
    findings.count('RANGES_MEET');
    if (after !== end || to < after)
      findings.violate('RANGES_MEET', `${who} was told ${after}–${to} after a range that ended at ${end}`);
    for (const position of positions.slice(given, given + events))
      if (position <= after || position > to)
        findings.violate(
          'RANGES_MEET',
          `${who} was given position ${position} with the range ${after}–${to}`,
        );
    given += events;
    end = to;
  }
  if (end !== head) findings.violate('FEED_COMPLETE', `${who} reached ${end} of ${head}`);
}

function checkEvents(feed: Feed, log: readonly LoggedEvent[], findings: Findings): void {
  const { digests, name: who, positions, start = 0, versions } = feed;
  const end = feed.ranges.at(-2) ?? start;
  findings.count('FEED_COMPLETE', positions.length);
  for (let index = 1; index < positions.length; index++)
    if ((positions[index] ?? 0) <= (positions[index - 1] ?? 0))
      findings.violate(
        'FEED_COMPLETE',
        `${who} was given position ${positions[index]} after ${positions[index - 1]}`,
      );
  let next = 0;
  for (const event of log) {
    if (event.position <= start || event.position > end || !feed.matches(event)) continue;
    while (next < positions.length && (positions[next] ?? 0) < event.position) {
      findings.violate('FEED_COMPLETE', `${who} was given position ${positions[next]}, which is not for it`);
      next += 1;
    }
    if (positions[next] !== event.position) {
      findings.violate(
        'FEED_COMPLETE',
        `${who} never saw position ${event.position} (${name(event.stream)} version ${event.version})`,
      );
      continue;
    }
    if (digests[next] !== event.digest || versions[next] !== event.version)
      findings.violate('FEED_COMPLETE', `${who} was given other content at position ${event.position}`);
    next += 1;
  }
  for (; next < positions.length; next++)
    findings.violate('FEED_COMPLETE', `${who} was given position ${positions[next]}, which is not for it`);
}
