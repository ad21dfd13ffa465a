import type { PayloadTypes } from '../core/event-types.js';
import { json } from '../core/json-codec.js';
import { MAX_INTEGER } from '../core/limits.js';
import { typeNameProblem } from '../core/validate.js';
import type {
  Aggregate,
  AggregateCommand,
  CommandRules,
  DataCodec,
  DataCodecs,
  SnapshotOptions,
} from './aggregate.js';
import { messageOf } from './command-data.js';

/** An aggregate whose parts are not looked at yet. */
type Parts<State, Types extends PayloadTypes> = Omit<Aggregate<State, Types>, 'commands' | 'snapshots'> & {
  readonly commands: Readonly<
    Record<string, CommandRules<DataCodec> & Pick<AggregateCommand<State>, 'decide'>>
  >;
  readonly snapshots: SnapshotOptions | undefined;
};

/** The aggregate, its defaults filled in. Throws `TypeError` or `RangeError`, which name the type. */
export function checkedAggregate<State, Types extends PayloadTypes, Codecs extends DataCodecs>(
  parts: Parts<State, Types>,
): Aggregate<State, Types, Codecs> {
  const { type, snapshots } = parts;
  const named = `Aggregate type ${JSON.stringify(type)}`;
  const problem = typeNameProblem(type);
  if (problem !== undefined) throw new TypeError(`${named}: the name ${problem}`);
  const commands = Object.fromEntries(
    Object.entries(parts.commands).map(([name, command]) => {
      if (typeof command.decide !== 'function')
        throw new TypeError(`Command type ${JSON.stringify(name)} of ${type} has no handler`);
      return [name, { ...checkedRules(name, command), decide: command.decide.bind(command) }];
    }),
  );
  return {
    ...parts,
    commands: commands as unknown as Aggregate<State, Types, Codecs>['commands'],
    snapshots: snapshots && checkedSnapshots(named, snapshots),
  };
}

/** What a command asks for, its defaults filled in. Throws `TypeError`, which names the command type. */
export function checkedRules(
  commandType: string,
  rules: CommandRules<DataCodec>,
): Required<CommandRules<DataCodec>> {
  const named = `Command type ${JSON.stringify(commandType)}`;
  const problem = typeNameProblem(commandType);
  if (problem !== undefined) throw new TypeError(`${named}: the name ${problem}`);
  // Checked although the types say so: a domain may be written in JavaScript.
  const { data, existence = 'ANY', policies = [] } = rules as Partial<CommandRules<DataCodec>>;
  if (data === undefined)
    throw new TypeError(
      `${named} has no factory: say with data how its data are written, for example json()`,
    );
  messageOf(data.contentType);
  return { data, existence, policies };
}

function checkedSnapshots(
  named: string,
  { every, codec = json(), schemaVersion = 1 }: SnapshotOptions,
): Required<SnapshotOptions> {
  for (const [what, value] of [
    ['snapshots every', every],
    ['snapshots of schema version', schemaVersion],
  ] as const)
    if (!(Number.isInteger(value) && value >= 1 && value <= MAX_INTEGER))
      throw new RangeError(`${named} has ${what} ${value}, it must be from 1 to ${MAX_INTEGER}`);
  return { every, codec, schemaVersion };
}
