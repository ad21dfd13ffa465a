import { Command } from 'commander';
import type { Existence } from '../core/command.js';
import type { RegisteredCommand } from '../wire/permissions.js';
import { addConnectionOptions, type ConnectionFlags, withConnection } from './connection-options.js';
import { Output } from './output.js';
import { policyToJson } from './policy-json.js';
import { plainTable } from './table.js';

interface CommandsFlags extends ConnectionFlags {
  readonly json?: boolean;
  readonly ndjson?: boolean;
}

const EXISTENCE: Record<Existence, string> = {
  MUST_EXIST: 'must exist',
  MUST_NOT_EXIST: 'must not exist',
  ANY: 'any',
};

/** `headwater commands`: which commands can be sent. */
export function commandsCommand(): Command {
  const command = new Command('commands')
    .description('list the command types that are decided now, and by whom')
    .option('--json', 'print one JSON object a line')
    .option('--ndjson', 'the same as --json');
  return addConnectionOptions(command)
    .addHelpText(
      'after',
      `
A command may be sent by whom one of its policies allows; a policy names roles and scopes, as "teller in branch". One without
policies is nobody's to send where the service enforces them (--command-policies). A type whose workers have just left is
still listed, with none.

Examples:
  headwater commands
  headwater commands --json | jq -r .command_type`,
    )
    .action(async (flags: CommandsFlags) => {
      await withConnection(flags, async ({ commands }, signal) => {
        const output = new Output();
        const listed = await commands.list({ signal });
        if (flags.json || flags.ndjson)
          return output.write(listed.map((one) => `${JSON.stringify(toJson(one))}\n`).join(''));
        if (listed.length === 0)
          return output.line(
            'Nobody decides commands here: start the service with --domain, or connect a worker',
          );
        return output.line(
          plainTable(['command', 'aggregate', 'existence', 'decided by', 'policies'], listed.map(rowOf)),
        );
      });
    });
}

function rowOf({ command, inService, workers }: RegisteredCommand): readonly string[] {
  return [
    command.commandType,
    command.aggregateType,
    EXISTENCE[command.existence],
    inService ? 'service' : `${workers} worker${workers === 1 ? '' : 's'}`,
    command.policies.map(String).join(', ') || 'none',
  ];
}

function toJson({ command, inService, workers }: RegisteredCommand): Record<string, unknown> {
  return {
    command_type: command.commandType,
    aggregate_type: command.aggregateType,
    existence: command.existence,
    policies: command.policies.map(policyToJson),
    in_service: inService,
    workers,
  };
}
