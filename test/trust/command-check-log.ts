import type { CommandFindings } from './command-checker.js';
import type { CommandOutcome } from './command-history.js';
import type { CommandIndex, CommandStory } from './command-index.js';

/** What was accepted is in the log once and whole, and nothing else is. */
export function checkWritten(
  { log }: CommandOutcome,
  { events, stories }: CommandIndex,
  findings: CommandFindings,
): void {
  for (const story of stories.values()) {
    if (story.sent === undefined) continue;
    findings.count('EVENTS_ONCE');
    const problem = writtenProblem(story);
    if (problem !== undefined) findings.violate('EVENTS_ONCE', `${story.commandId} ${problem}`);
  }
  findings.count('NOT_INVENTED', log.length);
  for (const { causationId, commandId, position } of log) {
    if (stories.get(commandId)?.sent === undefined)
      findings.violate('NOT_INVENTED', `position ${position} is of ${commandId}, which was not accepted`);
    if (causationId !== commandId)
      findings.violate(
        'NOT_INVENTED',
        `position ${position} is of ${commandId}, but was caused by ${causationId}`,
      );
  }
  findings.count('VERSIONS_CONTIGUOUS', log.length);
  log.forEach(({ position }, index) => {
    if (position !== index + 1)
      findings.violate('VERSIONS_CONTIGUOUS', `position ${position} stands where ${index + 1} should`);
  });
  for (const [account, own] of events)
    own.forEach(({ version }, index) => {
      if (version !== index + 1)
        findings.violate(
          'VERSIONS_CONTIGUOUS',
          `${account}: version ${version} stands where ${index + 1} should`,
        );
    });
}

function writtenProblem({ events, executed }: CommandStory): string | undefined {
  const [told] = executed;
  if (told === undefined) return undefined;
  const { account, eventIds, position, version } = told.answer;
  const ids = events.map(({ eventId }) => eventId);
  if (ids.join(' ') !== eventIds.join(' '))
    return `was told to have ${eventIds.length} events [${eventIds.join(' ')}], the log has ${ids.length} [${ids.join(' ')}]`;
  const last = events.at(-1);
  if ((last?.position ?? 0) !== position)
    return `was told to be at position ${position}, the log has ${last?.position ?? 0}`;
  if (last === undefined) return undefined;
  if (last.version !== version) return `was told to lead to version ${version}, the log has ${last.version}`;
  const [first] = events;
  if (events.some((event) => event.account !== account))
    return `was told to be of ${account}, the log differs`;
  return first && last.position - first.position !== events.length - 1 ? 'is torn apart' : undefined;
}

/** The ledger has all that was accepted, where the log has it, and nothing else. */
export function checkLedger(
  { ledger }: CommandOutcome,
  { stories }: CommandIndex,
  findings: CommandFindings,
): void {
  findings.count('LEDGER_AGREES', ledger.length);
  const seen = new Set<string>();
  for (const { commandId, commandType, first, last } of ledger) {
    if (seen.has(commandId)) findings.violate('LEDGER_AGREES', `${commandId} is there twice`);
    seen.add(commandId);
    const story = stories.get(commandId);
    const { events = [], sent } = story ?? {};
    const wanted = [events[0]?.position ?? 0, events.at(-1)?.position ?? 0];
    if (sent === undefined)
      findings.violate('LEDGER_AGREES', `${commandId} is there, but was never accepted`);
    else if (sent.commandType !== commandType)
      findings.violate(
        'LEDGER_AGREES',
        `${commandId} is a ${commandType} there, but was a ${sent.commandType}`,
      );
    else if (first !== wanted[0] || last !== wanted[1])
      findings.violate(
        'LEDGER_AGREES',
        `${commandId} is at ${first} to ${last} there, but at ${wanted.join(' to ')}`,
      );
  }
  for (const { commandId, sent } of stories.values())
    if (sent !== undefined && !seen.has(commandId))
      findings.violate('LEDGER_AGREES', `${commandId} was accepted, but is not there`);
}
