import { Command } from 'commander';
import type { AccessExplanation, WhoCan, WouldDo } from '../auth/access-admin.js';
import type { Action, Resource } from '../auth/plan.js';
import { ACTIONS } from '../auth/plan.js';
import { accessExplanationToJson, whoCanToJson } from './access-json.js';
import { addConnectionOptions, type ConnectionFlags, withConnection } from './connection-options.js';
import { streamFrom } from './event-json.js';
import { UsageError } from './exit-codes.js';
import { many } from './key-value.js';
import { Output } from './output.js';
import { bindingFrom } from './principal-options.js';
import { plainTable } from './table.js';

interface AboutFlags extends ConnectionFlags {
  readonly stream?: string;
  readonly type?: string;
  readonly command?: string;
  readonly group?: string;
  readonly projection?: string;
  readonly toNamespace?: string;
  readonly json?: boolean;
}

const ABOUT_HELP = `
Actions are named as the rules name them: append, load, subscribe, create-token and so on. Without a thing that it is done to
it is about the whole log, or about the service.`;

function addAboutOptions(command: Command): Command {
  return addConnectionOptions(
    command
      .argument('<action>', 'what somebody would do, as append')
      .option('--stream <type/id>', 'to this stream')
      .option('--type <type>', 'to all streams of this aggregate type')
      .option('--command <type>', 'to commands of this type')
      .option('--group <name>', 'to this consumer group')
      .option('--projection <name>', 'to this projection')
      .option('--to-namespace <name>', 'to this namespace, as create-namespace')
      .option('--json', 'print as JSON'),
  );
}

export function whoCanCommand(): Command {
  return addAboutOptions(new Command('who-can'))
    .description('tell which roles may do something, and which known principals')
    .addHelpText(
      'after',
      `${ABOUT_HELP}

Known are principals of the access file, those that were given roles, and those of tokens: what an issuer of tokens says of
others is not known.

Examples:
  headwater access who-can append --stream Order/42
  headwater access who-can drop-namespace --to-namespace orders --json | jq -r '.principals[]'`,
    )
    .action(async (action: string, flags: AboutFlags) => {
      const would = wouldDo(action, flags);
      await withConnection(flags, async ({ access }, signal) => {
        const answer = await access.whoCan(would, { signal });
        await new Output().line(flags.json ? JSON.stringify(whoCanToJson(answer)) : describeWhoCan(answer));
      });
    });
}

function describeWhoCan({ principals, roles }: WhoCan): string {
  const who = `Known principals: ${principals.join(', ') || 'none'}`;
  if (roles.length === 0) return `No rule allows it alone\n${who}`;
  const rows = roles.map((one) => [one.rule, one.roles.join(', '), one.scopes.join(', ') || '*']);
  return `${plainTable(['rule', 'roles', 'scopes'], rows)}\n\n${who}`;
}

interface ExplainFlags extends AboutFlags {
  readonly principal?: string;
  readonly binding?: readonly string[];
}

export function explainAccessCommand(): Command {
  return addAboutOptions(new Command('explain'))
    .description('tell whether somebody may do something, and why; nothing is done')
    .option('--principal <id>', 'who (default: who asks)')
    .option('--binding <role@scope[:resource]>', 'bound to what (default: what is known of them)', many)
    .addHelpText(
      'after',
      `${ABOUT_HELP} It ends with 0 whatever the answer is; "allowed" of --json has it.

Examples:
  headwater access explain load
  headwater access explain append --stream Order/42 --principal ada
  headwater access explain append --stream Order/42 --principal ada --binding writer@namespace:orders --json | jq .allowed`,
    )
    .action(async (action: string, flags: ExplainFlags) => {
      const request = {
        ...wouldDo(action, flags),
        ...(flags.principal === undefined ? {} : { principal: flags.principal }),
        ...(flags.binding === undefined ? {} : { bindings: flags.binding.map((one) => bindingFrom(one)) }),
      };
      await withConnection(flags, async ({ access }, signal) => {
        const explanation = await access.explainAccess(request, { signal });
        await new Output().line(
          flags.json ? JSON.stringify(accessExplanationToJson(explanation)) : describe(explanation),
        );
      });
    });
}

function describe({ summary }: AccessExplanation): string {
  return summary;
}

/** Throws `UsageError`. */
function wouldDo(action: string, flags: AboutFlags): WouldDo {
  if (!isAction(action))
    throw new UsageError(`${JSON.stringify(action)} is no action. There are: ${ACTIONS.join(', ')}`);
  const things: Resource[] = [
    ...(flags.stream === undefined ? [] : [{ kind: 'STREAM', stream: streamFrom(flags.stream) } as const]),
    ...(flags.type === undefined ? [] : [{ kind: 'AGGREGATE_TYPE', aggregateType: flags.type } as const]),
    ...(flags.command === undefined ? [] : [{ kind: 'COMMAND_TYPE', commandType: flags.command } as const]),
    ...(flags.group === undefined ? [] : [{ kind: 'CONSUMER_GROUP', group: flags.group } as const]),
    ...(flags.projection === undefined
      ? []
      : [{ kind: 'PROJECTION', projection: flags.projection } as const]),
    ...(flags.toNamespace === undefined ? [] : [{ kind: 'NAMESPACE', name: flags.toNamespace } as const]),
  ];
  if (things.length > 1)
    throw new UsageError('It is done to one thing: give one of --stream, --type, --command and so on');
  return { action, ...(things.length === 0 ? {} : { resources: things }) };
}

function isAction(text: string): text is Action {
  return (ACTIONS as readonly string[]).includes(text);
}
