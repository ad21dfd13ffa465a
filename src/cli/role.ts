import { Command } from 'commander';
import type { RoleGrant } from '../auth/access-admin.js';
import { grantToJson, isOfFile } from './access-json.js';
import { addAddressOption, type AddressFlags, withService } from './connection-options.js';
import { Output } from './output.js';
import { bindingFrom, bindingText } from './principal-options.js';
import { printList } from './print-list.js';
import { positive } from './selection-options.js';
import { shortTime } from './time.js';

interface RoleFlags extends AddressFlags {
  readonly json?: boolean;
}

/** `headwater role`: who has which role. */
export function roleCommand(): Command {
  return new Command('role')
    .description('give principals roles, take them back, and list them')
    .addCommand(changeCommand('grant'))
    .addCommand(changeCommand('revoke'))
    .addCommand(listCommand())
    .addHelpText(
      'after',
      `
What a role may do is said by the rules of the access file; headwater access rules shows them. A token has its own bindings,
and none of these.

Examples:
  headwater role grant ada reader@namespace:orders
  headwater role list --principal ada
  headwater role revoke ada reader@namespace:orders`,
    );
}

const CHANGES = {
  grant: {
    description: 'give somebody a role; giving it again changes nothing',
    changed: (who: string, what: string) => `${who} has ${what} now`,
    unchanged: (who: string, what: string) => `${who} has ${what} already`,
  },
  revoke: {
    description: 'take a role back, and end calls that it let in; taking it again changes nothing',
    changed: (who: string, what: string) => `${who} has ${what} no more`,
    unchanged: (who: string, what: string) =>
      `${who} was not given ${what}; what the access file gives is taken back there`,
  },
} as const;

function changeCommand(change: keyof typeof CHANGES): Command {
  const { changed, description, unchanged } = CHANGES[change];
  return addAddressOption(
    new Command(change)
      .description(description)
      .argument('<principal>', 'who, as authentication names them')
      .argument('<role@scope[:resource]>', 'what, as reader@namespace:orders')
      .option('--json', 'print as JSON'),
  )
    .addHelpText(
      'after',
      `
It holds at once at the service that is asked, and within seconds at all others.

Examples:
  headwater role ${change} ada reader@namespace:orders
  headwater role ${change} ada admin@system --json | jq .changed`,
    )
    .action(async (principal: string, text: string, flags: RoleFlags) => {
      const binding = bindingFrom(text, 'The role');
      await withService(flags, async ({ access }, signal) => {
        const done =
          change === 'grant'
            ? await access.grantRole(principal, binding, { signal })
            : await access.revokeRole(principal, binding, { signal });
        await new Output().line(
          flags.json
            ? JSON.stringify({ principal, binding, changed: done })
            : (done ? changed : unchanged)(principal, bindingText(binding)),
        );
      });
    });
}

interface ListFlags extends RoleFlags {
  readonly principal?: string;
  readonly limit?: bigint;
  readonly ndjson?: boolean;
}

function listCommand(): Command {
  return addAddressOption(
    new Command('list')
      .description('list who has which role, by principal')
      .option('--principal <id>', 'only of this one')
      .option('--limit <n>', 'at most so many', positive)
      .option('--json', 'print one JSON object a line')
      .option('--ndjson', 'the same as --json'),
  )
    .addHelpText(
      'after',
      `
What issuers of tokens say of somebody is in their tokens, and not listed here.

Examples:
  headwater role list
  headwater role list --json | jq -r .principal | uniq -c`,
    )
    .action(async (flags: ListFlags) => {
      await withService(flags, async ({ access }, signal) => {
        await printList<RoleGrant>(
          {
            what: 'roles',
            head: ['principal', 'role', 'given', 'by'],
            rowOf: (grant) => [
              grant.principal,
              bindingText(grant.binding),
              ...(isOfFile(grant)
                ? ['', 'the access file']
                : [shortTime(grant.grantedAt), grant.grantedBy || 'nobody in particular']),
            ],
            jsonOf: grantToJson,
            page: async (page) => {
              const { grants: entries, nextPageToken } = await access.listRoles(
                { ...page, ...(flags.principal === undefined ? {} : { principal: flags.principal }) },
                { signal },
              );
              return { entries, nextPageToken };
            },
          },
          flags,
        );
      });
    });
}
