import { Command } from 'commander';
import type { Command as Wish, CommandBus, Executed } from '../core/command.js';
import { HeadwaterError } from '../core/errors.js';
import { systemRuntime } from '../system.js';
import { addCommandArguments, COMMAND_ARGUMENT_HELP, commandArgument } from './command-argument.js';
import { addConnectionOptions, type ConnectionFlags, withConnection } from './connection-options.js';
import { expectedVersionFrom } from './event-json.js';
import { keyValues, many } from './key-value.js';
import { Output } from './output.js';
import {
  addPrincipalOptions,
  PRINCIPAL_HELP,
  principalFrom,
  type PrincipalFlags,
} from './principal-options.js';
import { nameOf } from './stream-argument.js';
import { plainTable } from './table.js';

interface CommandFlags extends ConnectionFlags, PrincipalFlags {
  readonly commandId?: string;
  readonly expectedVersion?: string;
  readonly metadata?: readonly string[];
  readonly json?: boolean;
}

type Sent = Wish & { readonly commandId: string };

const NO_DATA = Buffer.from('{}');

/** `headwater command`: has a command decided by the domain. */
export function commandCommand(): Command {
  const command = addCommandArguments(
    new Command('command').description('send a command: the domain decides it, and its events are appended'),
  )
    .option(
      '--command-id <id>',
      'so that it may be sent again safely: it is done once (default: one is made)',
    )
    .option(
      '--expected-version <version>',
      'a version from 1, no-stream, stream-exists or any; with it a conflict is yours (default: it is decided again)',
    )
    .option('--metadata <key=value>', 'an entry of the metadata, which its events inherit; repeatable', many)
    .option('--json', 'print the result as JSON');
  return addConnectionOptions(addPrincipalOptions(command))
    .addHelpText(
      'after',
      `${COMMAND_ARGUMENT_HELP}
${PRINCIPAL_HELP}

"headwater commands" lists what can be sent. A refusal of the domain ends with 7, and prints its reason, message and facts.

Examples:
  headwater command OpenAccount a-1 '{"owner":"ada"}'
  headwater command Withdraw a-1 '{"amount":5}' --command-id 7f1c --as ada --binding teller@branch:7
  headwater command CreateUser '{"name":"eve"}'
  jq -c .order order.json | headwater command PlaceOrder o-9 - --metadata correlation_id=r-77`,
    )
    .action(
      async (type: string, second: string | undefined, third: string | undefined, flags: CommandFlags) => {
        const principal = principalFrom(flags);
        const expected =
          flags.expectedVersion === undefined ? undefined : expectedVersionFrom(flags.expectedVersion);
        const metadata = keyValues(flags.metadata ?? [], '--metadata');
        const { aggregateId, commandType, json } = await commandArgument(type, second, third);
        const wish = {
          commandType,
          ...(aggregateId === undefined ? {} : { aggregateId }),
          // Made here, so that it can be told if the answer is lost.
          commandId: flags.commandId ?? systemRuntime.newEventId(),
          data: { kind: 'JSON', bytes: json ?? NO_DATA },
          metadata,
          ...(expected === undefined ? {} : { expectedVersion: expected }),
        } as const;
        await withConnection(
          flags,
          async ({ commands }, signal) => {
            const executed = await execute(commands, wish, signal);
            await new Output().line(flags.json ? JSON.stringify(toJson(executed)) : describe(executed));
          },
          principal,
        );
      },
    );
}

async function execute(bus: CommandBus, wish: Sent, signal: AbortSignal): Promise<Executed> {
  try {
    return await bus.execute(wish, { signal });
  } catch (error) {
    const outcome = error instanceof HeadwaterError ? error.outcome : 'UNKNOWN';
    if (outcome !== 'NOT_APPLIED')
      process.stderr.write(
        `Whether it was done is not known: send it again with --command-id ${wish.commandId}, and it is done once\n`,
      );
    throw error;
  }
}

function toJson(executed: Executed): Record<string, unknown> {
  const { aggregateId, aggregateType } = executed.aggregate;
  return {
    aggregate: { aggregate_type: aggregateType, aggregate_id: aggregateId },
    version: String(executed.version),
    position: String(executed.position),
    epoch: String(executed.epoch),
    command_id: executed.commandId,
    event_ids: executed.eventIds,
    deduplicated: executed.deduplicated,
  };
}

function describe(executed: Executed): string {
  const { aggregate, commandId, deduplicated, position, version } = executed;
  return plainTable(
    ['aggregate', 'version', 'position', 'command id', ''],
    [
      [
        nameOf(aggregate),
        String(version),
        position === 0n ? 'no event' : String(position),
        commandId,
        deduplicated ? 'was done already' : '',
      ],
    ],
  );
}
