import type { CommandClient } from './command-clients.js';
import {
  type CommandAnswer,
  type CommandCall,
  type CommandHistory,
  type SentCommand,
} from './command-history.js';
import { AccountCommands } from './command-maker.js';
import type { Random } from './random.js';

export interface CommandLoadOptions {
  readonly random: Random;
  readonly clients: readonly CommandClient[];
  readonly maker: AccountCommands;
  readonly history: CommandHistory;
  /** Commands, each with an id of its own; repeats and misuses are not counted. */
  readonly commands: number;
  /** Each has one command under way, or one and its double. */
  readonly senders: number;
}

/** Milliseconds after which a sender gives a command up. */
const PATIENCE_MS = 120_000;
/** Of the commands; the double goes to another service at the same time. */
const DOUBLED = 0.05;
/** Of the commands, once more when they were answered. */
const REPEATED = 0.02;
/** So often is an id used for another command. */
const MISUSED = 0.02;

/** Many senders, that send their commands until they are told what became of them. */
export class CommandLoad {
  /** Commands that were answered. */
  answered = 0;
  #begun = 0;
  readonly #options: CommandLoadOptions;

  constructor(options: CommandLoadOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { random, senders } = this.#options;
    await Promise.all(Array.from({ length: senders }, () => this.#send(random.fork())));
  }

  /** Resolves when such a share of the commands is answered. */
  async reached(share: number): Promise<void> {
    while (this.answered < share * this.#options.commands) await new Promise((go) => setTimeout(go, 5));
  }

  async #send(random: Random): Promise<void> {
    const { clients, commands, maker } = this.#options;
    while (this.#begun < commands) {
      this.#begun += 1;
      const sent = maker.next(random);
      const client = random.of(clients);
      const sends = [this.#untilAnswered(sent, client, random)];
      if (random.chance(DOUBLED)) {
        const other = clients.find((one) => one !== client) ?? client;
        sends.push(this.#untilAnswered(sent, other, random));
      }
      const [answer] = await Promise.all(sends);
      this.answered += 1;
      if (answer) maker.learn(sent, answer);
      if (random.chance(REPEATED)) await this.#untilAnswered(sent, random.of(clients), random);
      const misused = random.chance(MISUSED) ? maker.misuse(random) : undefined;
      if (misused) await this.#untilAnswered(misused, random.of(clients), random);
    }
  }

  async #untilAnswered(sent: SentCommand, first: CommandClient, random: Random): Promise<CommandAnswer> {
    const began = performance.now();
    for (let client = first; ; client = random.of(this.#options.clients)) {
      const answer = await this.#once(sent, client, random);
      const definite = answer.kind !== 'NOT_APPLIED' && answer.kind !== 'UNKNOWN';
      if (definite || performance.now() - began > PATIENCE_MS) return answer;
      await new Promise((go) => setTimeout(go, 20 + random.below(130)));
    }
  }

  async #once(sent: SentCommand, client: CommandClient, random: Random): Promise<CommandAnswer> {
    const { calls } = this.#options.history;
    const call: CommandCall = {
      number: calls.length + 1,
      client: client.name,
      sent,
      invoked: performance.now(),
      returned: Number.POSITIVE_INFINITY,
      answer: { kind: 'UNKNOWN', reason: 'UNFINISHED' },
    };
    calls.push(call);
    call.answer = await client.execute(sent, random);
    call.returned = performance.now();
    return call.answer;
  }
}
