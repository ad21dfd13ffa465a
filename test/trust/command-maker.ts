import { randomUUID } from 'node:crypto';
import type { CommandAnswer, SentCommand } from './command-history.js';
import type { CommandType } from './command-model.js';
import type { Random } from './random.js';

/** So many accounts have ids of ours; each is opened twice, and one of the two must be refused. */
const NAMED = 80;
/** So many have ids that the service makes. */
const UNNAMED = 20;
/** Answered commands that are remembered, to use their ids for others. */
const REMEMBERED = 500;

/** How much more the first are in demand: the one of rank r as r to this power below the first, which has 7 % of all. */
const ZIPF = 0.6;

export const ACCOUNTS = NAMED + UNNAMED;

/** Makes commands for a hundred accounts, some much more in demand than others (Zipf). */
export class AccountCommands {
  readonly #opening: SentCommand[];
  /** By rank; `undefined` as long as the service has not told the id. */
  readonly #accounts: (string | undefined)[];
  readonly #weights: readonly number[];
  readonly #executed: SentCommand[] = [];

  constructor() {
    const named = Array.from({ length: NAMED }, () => randomUUID());
    // Of five accounts the last is one that the service names, so that they are among the hot ones too.
    this.#accounts = Array.from({ length: ACCOUNTS }, (_, rank) =>
      rank % 5 === 4 ? undefined : named[rank - Math.floor((rank + 1) / 5)],
    );
    let sum = 0;
    this.#weights = this.#accounts.map((_, rank) => (sum += (rank + 1) ** -ZIPF));
    this.#opening = [...this.#accounts, ...named].map((account) => command('Open', account));
  }

  next(random: Random): SentCommand {
    const opening = this.#opening.pop();
    if (opening) return opening;
    const account = this.#account(random);
    const [type, most] = random.of(MIX);
    return command(type, account, 1 + random.below(most));
  }

  /** What was answered: the ids of new accounts, and ids of commands that are used. */
  learn(sent: SentCommand, answer: CommandAnswer): void {
    if (answer.kind !== 'EXECUTED') return;
    if (sent.account === undefined) this.#accounts[this.#accounts.indexOf(undefined)] = answer.account;
    if (this.#executed.length < REMEMBERED) this.#executed.push(sent);
    else this.#executed[answer.version % REMEMBERED] = sent;
  }

  /** Another command under an id that is used; `undefined` as long as there is none. */
  misuse(random: Random): SentCommand | undefined {
    if (this.#executed.length === 0) return undefined;
    const { account, amount, commandId, commandType } = random.of(this.#executed);
    if (random.chance(0.3))
      return { ...command('Deposit', account ?? this.#account(random), amount + 1), commandId };
    if (random.chance(0.5))
      return { ...command('Withdraw', account ?? this.#account(random), 1e9), commandId };
    return { commandId, commandType, account, amount: amount + 1 };
  }

  #account(random: Random): string {
    for (;;) {
      const at = random.next() * (this.#weights.at(-1) ?? 0);
      const account = this.#accounts[this.#weights.findIndex((weight) => at < weight)];
      if (account !== undefined) return account;
    }
  }
}

/** What is sent, with up to how much. */
const MIX: readonly (readonly [CommandType, number])[] = [
  ...Array.from({ length: 9 }, () => ['Deposit', 100] as const),
  ...Array.from({ length: 8 }, () => ['Withdraw', 150] as const),
  ['Split', 50],
  ['Touch', 1],
  ['Open', 1],
];

function command(commandType: CommandType, account: string | undefined, amount = 0): SentCommand {
  return { commandId: randomUUID(), commandType, account, amount };
}
