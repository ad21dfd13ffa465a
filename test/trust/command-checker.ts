import { checkAnswers, checkMisuse } from './command-check-answers.js';
import { checkLedger, checkWritten } from './command-check-log.js';
import { checkOrder, checkRefusals } from './command-check-order.js';
import { checkStates } from './command-check-states.js';
import type { CommandHistory, CommandOutcome } from './command-history.js';
import { CommandIndex } from './command-index.js';
import { Findings } from './findings.js';

/** What the checker of commands looks for; each name is a promise that was broken. */
export const COMMAND_RULES = [
  /** Every call returned, and every command was told in the end what became of it. */
  'ANSWERED',
  /** All answers to one id are the same answer, and at most one of them says that it is no repeat. */
  'ANSWERS_AGREE',
  /** An id that was used is refused to every other command, and to none else. */
  'MISUSE_REFUSED',
  /** What was accepted is in the log once, whole, where the answer says. */
  'EVENTS_ONCE',
  /** What is in the log is of a command that was accepted. */
  'NOT_INVENTED',
  /** The ledger has what was accepted, and nothing else. */
  'LEDGER_AGREES',
  /** Positions are 1 … N, versions 1 … n for each account. */
  'VERSIONS_CONTIGUOUS',
  /** The accepted commands, decided again in the order of the log, come to the same events. */
  'REPLAY_AGREES',
  /** What AggregateService tells of an account is the fold of its events. */
  'STATES_AGREE',
  /** No account was ever overdrawn: nobody decided on an old state. */
  'NEVER_NEGATIVE',
  /** What was refused had to be, on a state that was current at some moment of the call. */
  'REFUSAL_JUSTIFIED',
  /** What returned before another was sent stands before it in the log. */
  'REAL_TIME_ORDER',
  /** Nothing failed in a way that the contract does not know. */
  'ERRORS_KNOWN',
] as const;
export type CommandRule = (typeof COMMAND_RULES)[number];
export type CommandFindings = Findings<CommandRule>;

/** Holds a history of commands against what is there in the end. Knows nothing but the two, and asks nobody. */
export function checkCommands(history: CommandHistory, outcome: CommandOutcome): CommandFindings {
  const findings: CommandFindings = new Findings();
  const index = new CommandIndex(history, outcome);
  checkAnswers(history, index, findings);
  checkMisuse(index, findings);
  checkWritten(outcome, index, findings);
  checkLedger(outcome, index, findings);
  checkStates(outcome, index, findings);
  checkRefusals(index, findings);
  checkOrder(outcome, index, findings);
  return findings;
}
