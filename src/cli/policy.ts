import { Command } from 'commander';
import type { Explanation, PermissionModel } from '../wire/permissions.js';
import { addCommandArguments, COMMAND_ARGUMENT_HELP, commandArgument } from './command-argument.js';
import { addConnectionOptions, type ConnectionFlags, withConnection } from './connection-options.js';
import { Output } from './output.js';
import { policyToJson } from './policy-json.js';
import {
  addPrincipalOptions,
  bindingText,
  PRINCIPAL_HELP,
  principalFrom,
  type PrincipalFlags,
} from './principal-options.js';
import { plainTable } from './table.js';

interface PolicyFlags extends ConnectionFlags {
  readonly json?: boolean;
}

/** `headwater policy`: who may send what, and why. */
export function policyCommand(): Command {
  return new Command('policy')
    .description('tell who may send which commands, and why')
    .addCommand(modelCommand())
    .addCommand(explainCommand())
    .addHelpText(
      'after',
      `
Examples:
  headwater policy model
  headwater policy explain Withdraw a-1 --as ada --binding teller@branch:7`,
    );
}

function modelCommand(): Command {
  return addConnectionOptions(
    new Command('model')
      .description('list command types by the roles and scopes that may send them')
      .option('--json', 'print as JSON'),
  )
    .addHelpText(
      'after',
      `
Each line is a policy, and one that fits is enough; * is any. Who is bound to one resource only may send a command that is
about it: the aggregate's id, or the field of the data that "resource" names.

Examples:
  headwater policy model
  headwater policy model --json | jq '.permissions[].command_type'`,
    )
    .action(async (flags: PolicyFlags) => {
      await withConnection(flags, async ({ commands }, signal) => {
        const output = new Output();
        const model = await commands.permissionModel({ signal });
        if (flags.json) return output.line(JSON.stringify(modelToJson(model)));
        if (model.permissions.length === 0)
          return output.line(
            'Nobody decides commands here: start the service with --domain, or connect a worker',
          );
        return output.line(plainTable(['command', 'roles', 'scopes', 'resource'], rowsOf(model)));
      });
    });
}

function rowsOf({ permissions }: PermissionModel): readonly (readonly string[])[] {
  const list = (names: readonly string[]) => names.join(', ') || '*';
  return permissions.flatMap(({ commandType, policies }) =>
    policies.length === 0
      ? [[commandType, 'none', '', '']]
      : policies.map(({ resourceField, roles, scopes }) => [
          commandType,
          list(roles),
          list(scopes),
          resourceField ?? 'aggregate id',
        ]),
  );
}

function modelToJson({ permissions, roles, scopes }: PermissionModel): Record<string, unknown> {
  return {
    roles,
    scopes,
    permissions: permissions.map(({ commandType, policies }) => ({
      command_type: commandType,
      policies: policies.map(policyToJson),
    })),
  };
}

function explainCommand(): Command {
  const command = addCommandArguments(
    new Command('explain').description(
      'tell which policy would allow or refuse a command, and why; nothing is executed',
    ),
  ).option('--json', 'print as JSON');
  return addConnectionOptions(addPrincipalOptions(command))
    .addHelpText(
      'after',
      `${COMMAND_ARGUMENT_HELP} The data matters where a policy takes the resource from it.
${PRINCIPAL_HELP}

It ends with 0 whatever the answer is; "allowed" of --json has it.

Examples:
  headwater policy explain Withdraw a-1 --as ada --binding teller@branch:7
  headwater policy explain Withdraw a-1 '{"branch":"7"}' --as ada --binding teller@branch:7
  headwater policy explain OpenAccount --as eve --json | jq .allowed`,
    )
    .action(
      async (
        type: string,
        second: string | undefined,
        third: string | undefined,
        flags: PolicyFlags & PrincipalFlags,
      ) => {
        const principal = principalFrom(flags);
        const { aggregateId, commandType, json } = await commandArgument(type, second, third);
        await withConnection(flags, async ({ commands }, signal) => {
          const explanation = await commands.explain(
            {
              commandType,
              ...(aggregateId === undefined ? {} : { aggregateId }),
              ...(json === undefined ? {} : { json }),
              ...(principal === undefined ? {} : { principal }),
            },
            { signal },
          );
          await new Output().line(
            flags.json ? JSON.stringify(explanationToJson(explanation)) : describe(explanation),
          );
        });
      },
    );
}

function describe({ summary, verdicts }: Explanation): string {
  if (verdicts.length === 0) return summary;
  const rows = verdicts.map(({ allows, because, binding, policy }) => [
    policy,
    binding === undefined ? '' : bindingText(binding),
    allows ? 'allows' : 'no',
    because,
  ]);
  return `${summary}\n\n${plainTable(['policy', 'binding', 'verdict', 'because'], rows)}`;
}

function explanationToJson({ allowed, summary, verdicts }: Explanation): Record<string, unknown> {
  return {
    allowed,
    summary,
    verdicts: verdicts.map(({ allows, because, binding, policy }) => ({
      policy,
      ...(binding === undefined ? {} : { binding }),
      allows,
      ...(because === '' ? {} : { because }),
    })),
  };
}
