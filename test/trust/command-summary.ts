import type { CommandCall, CommandHistory, CommandOutcome } from './command-history.js';
import { grouped } from './command-index.js';
import type { Fault } from './nemesis.js';

/** How a fault was felt. */
export interface Felt extends Fault {
  /** Milliseconds of the longest time in which one of the services answered nothing, from the fault on. */
  readonly silence: number;
  /** Commands that were under way when it began … */
  readonly underWay: number;
  /** … and the milliseconds until all of them were answered. */
  readonly allAnswered: number;
}

/** @param until when it no longer counts: when the next fault began, or the senders had ended */
export function felt({ calls }: CommandHistory, fault: Fault, until: number): Felt {
  const { began } = fault;
  let [silence, underWay, allAnswered] = [0, 0, 0];
  for (const own of grouped(calls, ({ client }) => client).values()) {
    const answered = answersOf(own).filter((returned) => returned > began && returned < until);
    [began, ...answered].forEach((returned, index) => {
      silence = Math.max(silence, (answered[index] ?? returned) - returned);
    });
  }
  for (const own of grouped(calls, ({ sent }) => sent.commandId).values()) {
    const first = answersOf(own)[0] ?? Number.POSITIVE_INFINITY;
    if (Math.min(...own.map(({ invoked }) => invoked)) > began || first <= began) continue;
    underWay += 1;
    allAnswered = Math.max(allAnswered, first - began);
  }
  return { ...fault, silence, underWay, allAnswered };
}

/** When calls were told what became of their commands. */
function answersOf(calls: readonly CommandCall[]): readonly number[] {
  return calls
    .filter(({ answer }) => answer.kind !== 'UNKNOWN' && answer.kind !== 'NOT_APPLIED')
    .map(({ returned }) => returned)
    .toSorted((one, other) => one - other);
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
      ({ allAnswered, began, ended, kind, silence, underWay }) =>
        `  ${kind}, ${seconds(ended - began)}: longest silence of a service ${seconds(silence)}; ` +
        `${underWay} commands were under way, all answered after ${seconds(allAnswered)}`,
    ),
  ].join('\n');
}

export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

function counted(words: readonly string[]): string {
  return [...grouped(words, (word) => word)]
    .toSorted(([, one], [, other]) => other.length - one.length)
    .map(([word, all]) => `${all.length} ${word}`)
    .join(', ');
}
