import { Command } from 'commander';
import type { AccessRule } from '../auth/access-rule.js';
import { ruleToJson } from './access-json.js';
import { checkFileCommand } from './access-check-file.js';
import { explainAccessCommand, whoCanCommand } from './access-explain.js';
import { addAddressOption, type AddressFlags, withService } from './connection-options.js';
import { Output } from './output.js';
import { patternText } from '../core/stream-text.js';
import { plainTable } from './table.js';

/** `headwater access`: the rules, and what they mean. */
export function accessCommand(): Command {
  return new Command('access')
    .description('tell who may what, and why: rules, questions to them, and a check of their file')
    .addCommand(rulesCommand())
    .addCommand(whoCanCommand())
    .addCommand(explainAccessCommand())
    .addCommand(checkFileCommand())
    .addHelpText(
      'after',
      `
Examples:
  headwater access check-file access.json
  headwater access rules
  headwater access who-can append --stream Order/42
  headwater access explain load --principal ada`,
    );
}

function rulesCommand(): Command {
  return addAddressOption(
    new Command('rules')
      .description('list the rules that hold now')
      .option('--json', 'print one JSON object a line, as it stands in the access file')
      .option('--ndjson', 'the same as --json'),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  headwater access rules\n  headwater access rules --json | jq -r .name',
    )
    .action(async (flags: AddressFlags & { readonly json?: boolean; readonly ndjson?: boolean }) => {
      await withService(flags, async ({ access }, signal) => {
        const output = new Output();
        const { rules, shadow } = await access.listRules({ signal });
        if (flags.json || flags.ndjson)
          return output.write(rules.map((rule) => `${JSON.stringify(ruleToJson(rule))}\n`).join(''));
        await output.line(plainTable(['rule', 'roles', 'scopes', 'may', 'in', 'of'], rules.map(rowOf)));
        if (shadow) await output.line('\nThey only watch: nothing is refused to who is authenticated');
      });
    });
}

function rowOf({ actions, name, names = [], namespaces, roles, scopes, streams = [] }: AccessRule) {
  const list = (some: readonly string[] | undefined) => some?.join(', ') ?? '*';
  const of = [...streams.map(patternText), ...names].join(', ') || '*';
  return [name, list(roles), list(scopes), list(actions), list(namespaces), of];
}
