import type { CommandHistory, CommandOutcome } from './command-history.js';
import { grouped } from './command-index.js';
import type { Fault } from './nemesis.js';

/** How a fault was felt. */
export interface Felt extends Fault {
  /** Milliseconds from its beginning to the next answer that is one. */
  readonly nextAnswer: number;
  /** Commands that were under way when it began … */
  readonly underWay: number;
  /** … and the milliseconds until all of them were answered. */
  readonly allAnswered: number;
}

export function felt({ calls }: CommandHistory, fault: Fault): Felt {
  const { began } = fault;
  let [nextAnswer, underWay, allAnswered] = [Number.POSITIVE_INFINITY, 0, 0];
  for (const own of grouped(calls, ({ sent }) => sent.commandId).values()) {
    const answered = own
      .filter(({ answer }) => answer.kind !== 'UNKNOWN' && answer.kind !== 'NOT_APPLIED')
      .map(({ returned }) => returned);
    for (const returned of answered)
      if (returned > began) nextAnswer = Math.min(nextAnswer, returned - began);
    const first = Math.min(...answered);
    if (Math.min(...own.map(({ invoked }) => invoked)) > began || first <= began) continue;
    underWay += 1;
    allAnswered = Math.max(allAnswered, first - began);
  }
  return { ...fault, nextAnswer, underWay, allAnswered };
}

/** What a run did, in lines for a person. */
export function commandSummary(
  { calls }: CommandHistory,
  { accounts, ledger, log }: CommandOutcome,
  faults: readonly Felt[],
): string {
  const answers = counted(
    calls.map(({ answer }) => {
      if (answer.kind === 'EXECUTED') return answer.deduplicated ? 'deduplicated' : 'executed';
      return answer.kind === 'REUSED' ? 'id reused' : `${answer.kind.toLowerCase()} ${answer.reason}`;
    }),
  );
  const ids = new Set(calls.map(({ sent }) => sent.commandId)).size;
  return [
    `${calls.length} calls for ${ids} commands: ${answers}`,
    `${log.length} events of ${accounts.size} accounts, ${ledger.length} commands in the ledger`,
    ...faults.map(
      ({ allAnswered, kind, nextAnswer, underWay }) =>
        `  ${kind}: next answer after ${nextAnswer.toFixed(0)} ms; ${underWay} commands were under way, all answered ` +
        `after ${allAnswered.toFixed(0)} ms`,
    ),
  ].join('\n');
}

function counted(words: readonly string[]): string {
  return [...grouped(words, (word) => word)]
    .toSorted(([, one], [, other]) => other.length - one.length)
    .map(([word, all]) => `${all.length} ${word}`)
    .join(', ');
}
