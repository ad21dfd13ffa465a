import { type Command, InvalidArgumentError } from 'commander';
import type { Filter, Scope } from '../core/filter.js';
import type { Runtime } from '../core/runtime.js';
import { COMPARISON_HELP, comparisonFrom, comparisonFromJson } from './comparison.js';
import { object, streamFrom } from './event-json.js';
import { UsageError } from './exit-codes.js';
import { keyValues, many } from './key-value.js';
import { streamPattern } from './stream-pattern.js';
import { timeFrom } from './time.js';

/** Every filter that the API has, as flags; `load`, `tail` and `count` share them. */
export interface SelectionFlags {
  readonly stream?: readonly string[];
  readonly aggregateType?: readonly string[];
  readonly eventType?: readonly string[];
  readonly tag?: readonly string[];
  readonly fromVersion?: bigint;
  readonly toVersion?: bigint;
  readonly fromPosition?: bigint;
  readonly toPosition?: bigint;
  readonly fromTime?: string;
  readonly toTime?: string;
  readonly metadata?: readonly string[];
  readonly where?: readonly string[];
  readonly filter?: readonly string[];
}

export const SELECTION_HELP = `
Flags narrow together: an event must match all of them (of several --event-type any, of several --tag every one).
Alternatives are written as --filter with JSON, which may be repeated; an event must match at least one:
  --filter '{"event_types":["Opened"],"tags":["owner:ada"]}' --filter '{"versions":{"first":1,"last":10}}'
Keys: event_types, tags, streams (a list as ["Account/42","Order/eu-*","*/7"]), versions, positions {first,last}, recorded
{first,last} (times), metadata (a list of comparisons:
"amount:number >= 10", or {"key":"amount","operator":">=","kind":"number","value":"10"}).

${COMPARISON_HELP}`;

export function addSelectionOptions(command: Command): Command {
  return command
    .option(
      '--stream <type/id>',
      'only this stream (a slash in its type: %2F); repeat to merge several in log order',
      many,
    )
    .option('--aggregate-type <name>', 'only streams of this aggregate type; repeat for several', many)
    .option('--event-type <name>', 'only events of this type; repeat for any of several', many)
    .option('--tag <key:value>', 'only events with this tag; repeat to ask for all of several', many)
    .option('--from-version <n>', 'only versions from this one', positive)
    .option('--to-version <n>', 'only versions up to this one', positive)
    .option('--from-position <n>', 'only positions from this one', positive)
    .option('--to-position <n>', 'only positions up to this one', positive)
    .option('--from-time <time>', 'only events recorded at this time or later (ISO 8601, or 15m, 2h, 7d ago)')
    .option('--to-time <time>', 'only events recorded at this time or earlier')
    .option(
      '--metadata <key=value>',
      'only events whose metadata has this entry; repeat for all of several',
      many,
    )
    .option(
      '--where <comparison>',
      "only events whose metadata compares so: 'amount:number >= 10'; repeatable",
      many,
    )
    .option('--filter <json>', 'a filter as JSON; repeat for alternatives', many);
}

/** For commander: a whole number as a bigint. */
export function bigint(value: string): bigint {
  if (!/^\d{1,19}$/.test(value)) throw new InvalidArgumentError('It must be a whole number from 0.');
  return BigInt(value);
}

/** As {@link bigint}, from 1. */
export function positive(value: string): bigint {
  if (!/^[1-9]\d{0,18}$/.test(value)) throw new InvalidArgumentError('It must be a whole number from 1.');
  return BigInt(value);
}

export function scopeFrom(flags: SelectionFlags): Scope | undefined {
  const streams = (flags.stream ?? []).map(streamFrom);
  const [first] = streams;
  if (first !== undefined && flags.aggregateType !== undefined)
    throw new UsageError(
      '--stream and --aggregate-type cannot stand together: a stream has its type in its name',
    );
  if (first !== undefined)
    return streams.length === 1 ? { kind: 'STREAM', stream: first } : { kind: 'STREAMS', streams };
  return flags.aggregateType ? { kind: 'AGGREGATE_TYPES', aggregateTypes: flags.aggregateType } : undefined;
}

/** What deletion hides shows only where streams are named. Throws `UsageError`. */
export function includeDeletedFrom(
  flags: Pick<SelectionFlags, 'stream'> & { readonly includeDeleted?: boolean },
): { readonly includeDeleted?: true } {
  if (!flags.includeDeleted) return {};
  if (flags.stream === undefined)
    throw new UsageError(
      '--include-deleted needs --stream, as --stream Account/42: it is about named streams',
    );
  return { includeDeleted: true };
}

export function filtersFrom(flags: SelectionFlags, runtime: Runtime): readonly Filter[] {
  const time = (value: string | undefined) =>
    value === undefined ? undefined : timeFrom(value, runtime.now());
  const common: Filter = {
    ...(flags.eventType ? { eventTypes: flags.eventType } : {}),
    ...(flags.tag ? { tags: flags.tag } : {}),
    ...range('versions', flags.fromVersion, flags.toVersion),
    ...range('positions', flags.fromPosition, flags.toPosition),
    ...range('recorded', time(flags.fromTime), time(flags.toTime)),
    ...comparisons(flags),
  };
  const alternatives = (flags.filter ?? []).map((text) => filterFromJson(text, runtime));
  if (alternatives.length === 0) return Object.keys(common).length === 0 ? [] : [common];
  if (Object.keys(common).length > 0)
    throw new UsageError(
      '--filter stands alone: put --event-type, --tag, --metadata, --where and the ranges into each of the filters instead',
    );
  return alternatives;
}

/** `--metadata` and `--where`. */
function comparisons(flags: SelectionFlags): Pick<Filter, 'metadata'> {
  const metadata = [
    ...(flags.metadata ?? []).flatMap((entry) =>
      Object.entries(keyValues([entry], '--metadata')).map(([key, value]) => ({
        key,
        operator: 'EQUAL' as const,
        values: [value],
      })),
    ),
    ...(flags.where ?? []).map(comparisonFrom),
  ];
  return metadata.length === 0 ? {} : { metadata };
}

function filterFromJson(text: string, runtime: Runtime): Filter {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`--filter ${text} is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const fields = object(value, '--filter');
  const known = ['event_types', 'tags', 'streams', 'versions', 'positions', 'recorded', 'metadata'];
  for (const key of Object.keys(fields))
    if (!known.includes(key))
      throw new UsageError(`--filter has ${JSON.stringify(key)}; it may have ${known.join(', ')}`);
  const number = (one: unknown) => {
    if (one === undefined) return undefined;
    if (!/^\d{1,19}$/.test(scalar(one)))
      throw new UsageError(`--filter has ${JSON.stringify(one)} where a number belongs`);
    return BigInt(scalar(one));
  };
  const time = (one: unknown) => (one === undefined ? undefined : timeFrom(scalar(one), runtime.now()));
  const eventTypes = names('event_types', fields['event_types']);
  const tags = names('tags', fields['tags']);
  const streams = names('streams', fields['streams']);
  const { metadata } = fields;
  if (metadata !== undefined && !Array.isArray(metadata))
    throw new UsageError('metadata of --filter must be a list of comparisons, as ["amount:number >= 10"]');
  const ends = (name: string) =>
    fields[name] === undefined ? {} : object(fields[name], `${name} of --filter`);
  return {
    ...(eventTypes ? { eventTypes } : {}),
    ...(tags ? { tags } : {}),
    ...(streams ? { streams: streams.map(streamPattern) } : {}),
    ...range('versions', number(ends('versions')['first']), number(ends('versions')['last'])),
    ...range('positions', number(ends('positions')['first']), number(ends('positions')['last'])),
    ...range('recorded', time(ends('recorded')['first']), time(ends('recorded')['last'])),
    ...(metadata === undefined ? {} : { metadata: metadata.map(comparisonFromJson) }),
  };
}

/** A number may stand as a string, as it does where it is large. */
function scalar(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : JSON.stringify(value);
}

function names(key: string, value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || !value.every((one) => typeof one === 'string'))
    throw new UsageError(`${key} of --filter must be a list of strings`);
  return value;
}

function range<K extends string>(
  key: K,
  first: bigint | undefined,
  last: bigint | undefined,
): { readonly [P in K]?: { readonly first?: bigint; readonly last?: bigint } } {
  if (first === undefined && last === undefined) return {};
  const bounds = { ...(first === undefined ? {} : { first }), ...(last === undefined ? {} : { last }) };
  return { [key]: bounds } as { readonly [P in K]?: { readonly first?: bigint; readonly last?: bigint } };
}
