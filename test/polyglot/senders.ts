import type { CommandBus } from '../../src/core/command.js';
import { CommandRejectedError, HeadwaterError } from '../../src/core/errors.js';
import type { Programs } from './programs.js';

const AT_A_TIME = 16;

/** A command about an account, as the programs read it. */
export interface AccountCommand {
  readonly id: string;
  readonly type: 'OpenAccount' | 'Deposit' | 'Withdraw';
  readonly account: string;
  readonly data: { readonly owner?: string; readonly amount?: number };
}

/** An answer, as the programs print it. */
export type Answer =
  | {
      readonly id: string;
      readonly version: number;
      readonly eventIds: readonly string[];
      readonly deduplicated: boolean;
    }
  | { readonly id: string; readonly reason: string; readonly metadata: Readonly<Record<string, string>> };

/** Sends commands, many at a time, and gives the answers as they come. */
export type Sender = (commands: readonly AccountCommand[]) => AsyncIterable<Answer>;

/** Has a program in another language send them. */
export function programSender(programs: Programs, address: string): Sender {
  return async function* send(commands) {
    const program = programs.start('commands', address);
    for (const command of commands) program.say(JSON.stringify(command));
    program.endInput();
    for await (const line of program.lines) yield JSON.parse(line) as Answer;
  };
}

/** Sends them from here. */
export function busSender(bus: CommandBus): Sender {
  return async function* send(commands) {
    const rest = commands.values();
    const done: Answer[] = [];
    let wake: () => void = () => undefined;
    const work = async () => {
      for (const command of rest) {
        done.push(await answerOf(bus, command));
        wake();
      }
    };
    const working = Promise.all(Array.from({ length: AT_A_TIME }, work));
    for (let given = 0; given < commands.length; given += 1) {
      while (done.length <= given)
        await Promise.race([
          working,
          new Promise<void>((resolve) => {
            wake = resolve;
          }),
        ]);
      yield done[given] as Answer;
    }
    await working;
  };
}

async function answerOf(bus: CommandBus, command: AccountCommand): Promise<Answer> {
  const { id, type: commandType, account: aggregateId, data } = command;
  try {
    const { version, eventIds, deduplicated } = await bus.execute({
      commandId: id,
      commandType,
      aggregateId,
      data: { kind: 'JSON', bytes: Buffer.from(JSON.stringify(data)) },
    });
    return { id, version: Number(version), eventIds, deduplicated };
  } catch (error) {
    if (error instanceof CommandRejectedError)
      return { id, reason: error.reason, metadata: { ...error.facts, domain_reason: error.domainReason } };
    if (error instanceof HeadwaterError) return { id, reason: error.reason, metadata: {} };
    throw error;
  }
}
