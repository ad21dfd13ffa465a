import type { CommandFindings } from './command-checker.js';
import type { CommandOutcome } from './command-history.js';
import type { CommandIndex } from './command-index.js';
import { type Account, decide, evolve, UNOPENED } from './command-model.js';

/** The commands, decided again one after the other, come to this log; and the accounts are what it says. */
export function checkStates(
  { accounts, log }: CommandOutcome,
  index: CommandIndex,
  findings: CommandFindings,
): void {
  const states = new Map<string, Account>();
  let former = '';
  for (const event of log) {
    const { account, commandId, position } = event;
    const state = states.get(account) ?? UNOPENED;
    if (commandId !== former) {
      findings.count('REPLAY_AGREES');
      const problem = replayProblem(state, commandId, index);
      if (problem !== undefined) findings.violate('REPLAY_AGREES', `at position ${position} ${problem}`);
    }
    former = commandId;
    const next = evolve(state, event);
    findings.count('NEVER_NEGATIVE');
    if (next.balance < 0)
      findings.violate('NEVER_NEGATIVE', `${account} has ${next.balance} at position ${position}`);
    states.set(account, next);
  }
  for (const account of new Set([...states.keys(), ...accounts.keys()])) {
    findings.count('STATES_AGREE');
    const told = accounts.get(account);
    const version = index.events.get(account)?.at(-1)?.version;
    const balance = states.get(account)?.balance;
    if (told?.version !== version || told?.balance !== balance)
      findings.violate(
        'STATES_AGREE',
        `${account} is told to have ${told?.balance} at version ${told?.version}, the log has ${balance} at ${version}`,
      );
  }
}

function replayProblem(state: Account, commandId: string, { stories }: CommandIndex): string | undefined {
  const { events = [], sent } = stories.get(commandId) ?? {};
  // Somebody else's fault, and told there.
  if (sent === undefined) return undefined;
  const verdict = decide(state, sent.commandType, sent.amount);
  const wanted = 'refused' in verdict ? verdict.refused : JSON.stringify(verdict.events);
  const written = JSON.stringify(events.map(({ amount, eventType }) => [eventType, amount]));
  return wanted === written
    ? undefined
    : `${sent.commandType} ${sent.amount} on ${state.balance} has come to ${written}, not to ${wanted}`;
}
