import { describe, expect, test } from 'vitest';
import { checkCommands, COMMAND_RULES, type CommandRule } from './command-checker.js';
import type { CommandAnswer, CommandOutcome, LedgerRow, LoggedAccountEvent } from './command-history.js';
import { call, executed, rightStory, sent } from './command-story.js';
import { unchecked } from './checker.js';

// A small history of commands that is right, and one lie at a time. Every lie must be found, by the rule that is for it.

type Story = ReturnType<typeof rightStory>;
type Lie = (story: Story) => CommandOutcome | void;

function told({ history }: Story, number: number, answer: CommandAnswer): void {
  const one = history.calls[number - 1];
  if (one === undefined) throw new RangeError(`There is no call ${number}`);
  one.answer = answer;
}

/** The outcome with one event otherwise. */
function event({ outcome }: Story, position: number, change: Partial<LoggedAccountEvent>): CommandOutcome {
  const log = outcome.log.map((one) => (one.position === position ? { ...one, ...change } : one));
  return { ...outcome, log };
}

function row({ outcome }: Story, commandId: string, change: Partial<LedgerRow>): CommandOutcome {
  const ledger = outcome.ledger.map((one) => (one.commandId === commandId ? { ...one, ...change } : one));
  return { ...outcome, ledger };
}

const unknown: CommandAnswer = { kind: 'UNKNOWN', reason: 'DEADLINE_EXCEEDED' };
const refused: CommandAnswer = { kind: 'REFUSED', reason: 'INSUFFICIENT_FUNDS' };

const LIES: readonly (readonly [string, CommandRule, Lie])[] = [
  ['a command that nobody was told of', 'ANSWERED', (story) => told(story, 10, unknown)],
  [
    'a call that never returned',
    'ANSWERED',
    ({ history }) => {
      history.calls.push(call(11, [0, Number.POSITIVE_INFINITY], sent('open', 'Open'), unknown));
    },
  ],
  [
    'a repeat that was told to be new',
    'ANSWERS_AGREE',
    (story) => told(story, 5, executed(5, ['event 3', 'event 4', 'event 5'])),
  ],
  [
    'a repeat that was told another version',
    'ANSWERS_AGREE',
    (story) => told(story, 5, executed(6, ['event 6'], true)),
  ],
  [
    'a repeat that was refused',
    'ANSWERS_AGREE',
    ({ history }) => {
      history.calls.push(call(11, [120, 130], sent('take', 'Withdraw', 120), refused));
    },
  ],
  [
    'an id that was used for another command',
    'MISUSE_REFUSED',
    (story) => told(story, 8, executed(2, ['event 2'], true)),
  ],
  ['a misused id that was refused for something else', 'MISUSE_REFUSED', (story) => told(story, 8, refused)],
  [
    'an id that is said to be used, and is not',
    'MISUSE_REFUSED',
    ({ history }) => {
      history.calls.push(call(11, [120, 130], sent('other', 'Deposit', 1), { kind: 'REUSED' }));
    },
  ],
  [
    'an accepted command that is not in the log',
    'EVENTS_ONCE',
    ({ outcome }) => ({ ...outcome, log: outcome.log.slice(0, 5) }),
  ],
  [
    'half of a command',
    'EVENTS_ONCE',
    (story) => event(story, 5, { commandId: 'deposit', causationId: 'deposit' }),
  ],
  ['another position than was told', 'EVENTS_ONCE', (story) => event(story, 6, { position: 7 })],
  [
    'a command that is in the log twice',
    'EVENTS_ONCE',
    ({ outcome }) => {
      const [, deposit] = outcome.log;
      const again = { ...deposit, position: 7, version: 7, eventId: 'event 7' } as LoggedAccountEvent;
      return { ...outcome, log: [...outcome.log, again] };
    },
  ],
  ['an event of nobody', 'NOT_INVENTED', (story) => event(story, 6, { commandId: 'nobody' })],
  ['an event that names another cause', 'NOT_INVENTED', (story) => event(story, 6, { causationId: 'open' })],
  [
    'a command that the ledger has at another place',
    'LEDGER_AGREES',
    (story) => row(story, 'split', { last: 4 }),
  ],
  [
    'a command that the ledger has as another',
    'LEDGER_AGREES',
    (story) => row(story, 'take', { commandType: 'Deposit' }),
  ],
  [
    'a command that the ledger does not know',
    'LEDGER_AGREES',
    (story) => row(story, 'touch', { commandId: 'other' }),
  ],
  ['a hole in the versions', 'VERSIONS_CONTIGUOUS', (story) => event(story, 6, { version: 7 })],
  ['a hole in the positions', 'VERSIONS_CONTIGUOUS', (story) => event(story, 6, { position: 8 })],
  ['events that the command does not come to', 'REPLAY_AGREES', (story) => event(story, 2, { amount: 99 })],
  [
    'a service that tells another balance',
    'STATES_AGREE',
    ({ outcome }) => ({ ...outcome, accounts: new Map([['account', { version: 6, balance: 31 }]]) }),
  ],
  [
    'a service that tells another version',
    'STATES_AGREE',
    ({ outcome }) => ({ ...outcome, accounts: new Map([['account', { version: 5, balance: 30 }]]) }),
  ],
  [
    'an account that no service tells of',
    'STATES_AGREE',
    ({ outcome }) => ({ ...outcome, accounts: new Map() }),
  ],
  ['an account that was overdrawn', 'NEVER_NEGATIVE', (story) => event(story, 6, { amount: 200 })],
  [
    'a refusal on a state that was over when it was asked',
    'REFUSAL_JUSTIFIED',
    ({ history }) => {
      history.calls.push(call(11, [85, 95], sent('late', 'Withdraw', 120), refused));
    },
  ],
  [
    'a refusal on a state that only came',
    'REFUSAL_JUSTIFIED',
    ({ history }) => {
      history.calls.push(call(11, [85, 95], sent('early', 'Withdraw', 40), { ...refused }));
      history.calls.push(call(12, [52, 58], sent('earlier', 'Withdraw', 40), refused));
    },
  ],
  [
    'a refusal for what its own command has done',
    'REFUSAL_JUSTIFIED',
    ({ history }) => {
      history.calls.push(
        call(11, [5, 9], sent('open', 'Open'), { kind: 'REFUSED', reason: 'WRONG_EXPECTED_VERSION' }),
      );
    },
  ],
  [
    'a command that stands before one that was done when it was sent',
    'REAL_TIME_ORDER',
    ({ history }) => {
      const [open] = history.calls;
      if (open) history.calls[0] = call(1, [200, 210], open.sent, open.answer);
    },
  ],
  [
    'a failure that nobody knows',
    'ERRORS_KNOWN',
    (story) => told(story, 2, { kind: 'UNKNOWN', reason: 'INTERNAL' }),
  ],
];

describe('the checker of commands', () => {
  test('finds nothing in a history that is right, and has looked at everything', () => {
    const { history, outcome } = rightStory();
    const findings = checkCommands(history, outcome);
    expect(findings.violations).toEqual([]);
    expect(unchecked(findings, COMMAND_RULES)).toEqual([]);
  });

  test.each(LIES)('finds %s (%s)', (_what, rule, lie) => {
    const story = rightStory();
    const outcome = lie(story) ?? story.outcome;
    expect([...checkCommands(story.history, outcome).broken.keys()]).toContain(rule);
  });

  test('has a lie for every rule', () => {
    expect(new Set(LIES.map(([, rule]) => rule))).toEqual(new Set(COMMAND_RULES));
  });
});
