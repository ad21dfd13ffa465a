import type { CommandFindings } from './command-checker.js';
import type { CommandOutcome, SentCommand } from './command-history.js';
import { type CommandIndex, earliestOf, isSame, latestOf, type Moment } from './command-index.js';
import { decide } from './command-model.js';

/** Who was refused was so on a state that was there while he waited, and that his own command had not made. */
export function checkRefusals(index: CommandIndex, findings: CommandFindings): void {
  for (const story of index.stories.values())
    for (const { answer, invoked, number, returned, sent } of story.calls) {
      if (answer.kind !== 'REFUSED') continue;
      findings.count('REFUSAL_JUSTIFIED');
      const moments = sent.account === undefined ? [] : index.moments(sent.account);
      const own =
        story.sent && isSame(sent, story.sent) ? moments.findIndex((one) => one.story === story) : -1;
      const before = own < 0 ? moments : moments.slice(0, own);
      const current = before.filter((one, at) => one.earliest <= returned && endOf(moments, at) >= invoked);
      if (!current.some(({ state }) => refusalOf(state, sent) === answer.reason))
        findings.violate(
          'REFUSAL_JUSTIFIED',
          `call ${number}: ${sent.commandType} ${sent.amount} was refused with ${answer.reason}, ` +
            `while the balance was ${current.map(({ state }) => state.balance).join(', ')}`,
        );
    }
}

/** Until when at most it was so. */
function endOf(moments: readonly Moment[], at: number): number {
  return moments[at + 1]?.latest ?? Number.POSITIVE_INFINITY;
}

function refusalOf(state: Moment['state'], { amount, commandType }: SentCommand): string | undefined {
  const verdict = decide(state, commandType, amount);
  return 'refused' in verdict ? verdict.refused : undefined;
}

/** What was done before another was sent comes first. */
export function checkOrder(
  { log }: CommandOutcome,
  { stories }: CommandIndex,
  findings: CommandFindings,
): void {
  let done = Number.POSITIVE_INFINITY;
  let by = '';
  for (const { commandId, position } of log.toReversed()) {
    const story = stories.get(commandId);
    if (story?.sent === undefined) continue;
    findings.count('REAL_TIME_ORDER');
    if (done < earliestOf(story))
      findings.violate(
        'REAL_TIME_ORDER',
        `${by} was done before ${commandId} was sent, but is behind position ${position}`,
      );
    if (latestOf(story) >= done) continue;
    done = latestOf(story);
    by = commandId;
  }
}
