import type { CommandFindings } from './command-checker.js';
import { type CommandCall, type CommandHistory, bodyOf } from './command-history.js';
import {
  type CommandIndex,
  type CommandStory,
  earliestOf,
  grouped,
  isSame,
  latestOf,
} from './command-index.js';

/** What a caller may meet while services and workers come and go. */
const KNOWN_FAILURES = new Set([
  'STORE_UNAVAILABLE',
  'OVERLOADED',
  'DEADLINE_EXCEEDED',
  // Decided ten times, and every time somebody else was faster.
  'CONFLICT',
]);

/** Every command is answered, and by one answer only. */
export function checkAnswers(
  { calls }: CommandHistory,
  { stories }: CommandIndex,
  findings: CommandFindings,
): void {
  findings.count('ERRORS_KNOWN', calls.length);
  for (const { answer, client, number, returned } of calls) {
    if (returned === Infinity) findings.violate('ANSWERED', `call ${number} to ${client} never returned`);
    else if (isOpen(answer) && !KNOWN_FAILURES.has(answer.reason))
      findings.violate('ERRORS_KNOWN', `call ${number} to ${client} failed with ${answer.reason}`);
  }
  for (const story of stories.values()) {
    for (const [body, own] of grouped(story.calls, ({ sent }) => bodyOf(sent))) {
      findings.count('ANSWERED');
      if (own.every(({ answer }) => isOpen(answer)))
        findings.violate('ANSWERED', `nobody knows what became of ${body} (${story.commandId})`);
    }
    checkAgreement(story, findings);
  }
}

function checkAgreement(story: CommandStory, findings: CommandFindings): void {
  const { calls, commandId, executed, sent } = story;
  if (sent === undefined) return;
  findings.count('ANSWERS_AGREE', executed.length);
  const answers = new Set(
    executed.map(({ answer: { account, eventIds, position, version } }) =>
      JSON.stringify([account, version, position, eventIds]),
    ),
  );
  if (answers.size > 1)
    findings.violate('ANSWERS_AGREE', `${commandId} was answered by ${[...answers].join(' and by ')}`);
  const first = executed.filter(({ answer }) => !answer.deduplicated);
  if (first.length > 1) findings.violate('ANSWERS_AGREE', `${commandId} was new ${first.length} times`);
  const done = latestOf(story);
  for (const call of calls)
    if (call.answer.kind === 'REFUSED' && call.invoked > done && isSame(call.sent, sent))
      findings.violate(
        'ANSWERS_AGREE',
        `${commandId} was refused with ${call.answer.reason} after it was done (call ${call.number})`,
      );
}

/** Who uses the id of another command is told so. */
export function checkMisuse({ stories }: CommandIndex, findings: CommandFindings): void {
  for (const story of stories.values())
    for (const call of story.calls) {
      const problem = misuseProblem(call, story);
      if (problem === undefined) continue;
      findings.count('MISUSE_REFUSED');
      if (problem !== '')
        findings.violate('MISUSE_REFUSED', `call ${call.number} (${story.commandId}) ${problem}`);
    }
}

/** `undefined` if it is none, `''` if it was treated as it must be. */
function misuseProblem(
  { answer, invoked, returned, sent }: CommandCall,
  story: CommandStory,
): string | undefined {
  const other = story.sent !== undefined && !isSame(sent, story.sent);
  if (answer.kind === 'REUSED') {
    if (!other) return 'was told that its id is used, by no other command';
    return returned < earliestOf(story) ? 'was told that its id is used, before it was' : '';
  }
  if (!other || isOpen(answer)) return undefined;
  if (answer.kind === 'EXECUTED') return 'was done under an id that is used';
  return invoked > latestOf(story)
    ? `was refused with ${answer.reason}, not because its id is used`
    : undefined;
}

/** Whether the caller must ask again. */
function isOpen(
  answer: CommandCall['answer'],
): answer is Extract<CommandCall['answer'], { kind: 'UNKNOWN' | 'NOT_APPLIED' }> {
  return answer.kind === 'UNKNOWN' || answer.kind === 'NOT_APPLIED';
}
