import { Command } from 'commander';
import { namespaceProblem } from '../core/namespace.js';
import { events } from './change-options.js';
import { confirm } from './confirm.js';
import { addAddressOption, type AddressFlags, withService } from './connection-options.js';
import { UsageError } from './exit-codes.js';
import { Output } from './output.js';
import { pagesOf } from './pages.js';
import { describeBytes } from './size.js';
import { TablePrinter } from './table.js';

interface NamespaceFlags extends AddressFlags {
  readonly json?: boolean;
}

/** `headwater namespace`: makes, lists and drops logs. */
export function namespaceCommand(): Command {
  return new Command('namespace')
    .description('create, list and drop namespaces: isolated logs in one service')
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(dropCommand())
    .addHelpText(
      'after',
      `
Every other command takes --namespace <name> (or HEADWATER_NAMESPACE) for the log that it is about.

Examples:
  headwater namespace create tenant_a
  headwater namespace list
  headwater append Account/42 AccountOpened --namespace tenant_a
  headwater namespace drop tenant_a`,
    );
}

function createCommand(): Command {
  return addAddressOption(
    new Command('create')
      .description('create an empty namespace')
      .argument('<name>', 'a lower-case letter and at most 47 letters, digits and _ behind it')
      .option('--json', 'print as JSON'),
  )
    .addHelpText('after', '\nExamples:\n  headwater namespace create tenant_a')
    .action(async (name: string, flags: NamespaceFlags) => {
      checkName(name);
      await withService(flags, async ({ namespaces }, signal) => {
        const created = await namespaces.create(name, { signal });
        await new Output().line(
          flags.json
            ? JSON.stringify(created)
            : `Namespace ${created.name} is there${created.placement ? `, on ${created.placement}` : ''}`,
        );
      });
    });
}

function listCommand(): Command {
  return addAddressOption(
    new Command('list')
      .description('list the namespaces that the service can reach')
      .option('--json', 'print one JSON object a line'),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  headwater namespace list\n  headwater namespace list --json | jq -r .name',
    )
    .action(async (flags: NamespaceFlags) => {
      await withService(flags, async ({ namespaces }, signal) => {
        const output = new Output();
        const table = new TablePrinter(output, { head: ['name', 'default', 'placement'] });
        const pages = pagesOf(async (page) => {
          const { namespaces: entries, nextPageToken } = await namespaces.list(page, { signal });
          return { entries, nextPageToken };
        });
        for await (const page of pages) {
          if (flags.json) await output.write(page.map((one) => `${JSON.stringify(one)}\n`).join(''));
          else
            await table.print(page.map((one) => [one.name, one.default ? 'yes' : '', one.placement ?? '']));
          if (output.gone) break;
        }
      });
    });
}

function dropCommand(): Command {
  return addAddressOption(
    new Command('drop')
      .description('drop a namespace with all that is in it, for good')
      .argument('<name>', 'which one')
      .option('--json', 'print as JSON')
      .option('--yes', 'do not ask'),
  )
    .addHelpText(
      'after',
      `
What is lost is told first, and the name has to be typed; without a terminal, or with --json, it needs --yes. The default
namespace cannot be dropped. Backups keep their copies.

Examples:
  headwater namespace drop tenant_a
  headwater namespace drop tenant_a --yes`,
    )
    .action(async (name: string, flags: NamespaceFlags & { readonly yes?: boolean }) => {
      checkName(name);
      await withService(flags, async (connection, signal) => {
        const info = await connection.info({ signal });
        if (info.namespace === name)
          throw new UsageError(
            `Namespace ${name} cannot be dropped: it is the default namespace of this service`,
          );
        const { position, bytes } = await connection.namespace(name).eventStore.getLog({ signal });
        await confirm({
          loss: `Namespace ${name} will be dropped with its ${events(position)} (${describeBytes(bytes)}), for good`,
          word: name,
          yes: flags.yes ?? false,
          json: flags.json ?? false,
          signal,
        });
        const dropped = await connection.namespaces.drop(name, { confirm: name, signal });
        await new Output().line(
          flags.json
            ? JSON.stringify({ name, bytes: String(dropped.bytes) })
            : `Namespace ${name} is gone, with ${events(position)} (${describeBytes(dropped.bytes)}). Backups keep their copies`,
        );
      });
    });
}

function checkName(name: string): void {
  const problem = namespaceProblem(name);
  if (problem !== undefined)
    throw new UsageError(`${JSON.stringify(name)} is no name of a namespace: it ${problem}, as tenant_a`);
}
