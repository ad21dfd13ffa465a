import path from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { PEER_NAMES, type PeerName } from './peers/contestant.js';

/** The rows by their ids, in the order in which they run. */
export const ROW_IDS = [
  'S1',
  'S2',
  'S3',
  'batches',
  'S4',
  'S5',
  'S6',
  'S7',
  'S8',
  'S9',
  'hot-streams',
  'conditions',
  'stream-load',
  'type-load',
  'decode',
  'mixed',
  'checkpoints',
  'instances',
  'authentication',
  'peer-appends',
  'peer-batches',
  'peer-loads',
] as const;
export type RowId = (typeof ROW_IDS)[number];

/** What to measure, and for how long. */
export interface Options {
  readonly quick: boolean;
  /** Undefined: all but the long ones. */
  readonly only: readonly RowId[] | undefined;
  /** The long ones too. */
  readonly all: boolean;
  /** The rows about other stores too. */
  readonly withPeers: boolean;
  /** The other stores in the rows about them. */
  readonly peers: readonly PeerName[];
  /** A UmaDB that runs already. */
  readonly umadb: string | undefined;
  /** A folder for CPU profiles of the service. */
  readonly cpuProfiles: string | undefined;
  /** Ours and the floors take turns so often; the medians are shown. */
  readonly rounds: number;
  /** How long each has its turn. */
  readonly turnMilliseconds: number;
  /** How long appends go on before the first row, of ours and of the composed floor. */
  readonly warmUpMilliseconds: number;
  /** How many aggregates that nobody has read get a command, in each turn of theirs. */
  readonly coldCommands: number;
  /** How many events are loaded … */
  readonly loadEvents: number;
  /** … so often. */
  readonly loadRounds: number;
  /** By how many events the log is grown from which single streams and types are loaded. */
  readonly grownEvents: number;
  /** How many events the long log has. */
  readonly growthEvents: number;
  /** Where the long log and the short one beside it stay for the next run. */
  readonly growthSchema: string | undefined;
  /** How often serve is started. */
  readonly startRounds: number;
  readonly output: Output;
}

/** What becomes of the result. */
export interface Output {
  readonly json: boolean;
  /** Only tells which rows there are. */
  readonly list: boolean;
  /** A file for the JSON, beside what is printed. */
  readonly file: string | undefined;
  /** The JSON of an earlier run, to be shown beside. */
  readonly compareWith: string | undefined;
  /** The JSON of an earlier run, to be shown instead of measuring. */
  readonly from: string | undefined;
  /** The page to write, with its plots in a folder beside it. */
  readonly docs: string | undefined;
}

/** Of the checkout. */
export const DOCS_PAGE = 'docs/performance.md';

interface Flags {
  readonly only?: RowId[];
  readonly all?: true;
  readonly quick?: true;
  readonly rounds?: number;
  readonly seconds?: number;
  readonly json?: true;
  readonly output?: string;
  readonly compare?: string;
  readonly from?: string;
  readonly docs?: string | true;
  readonly list?: true;
  readonly profile?: string | true;
  readonly cpuProfiles?: string;
  readonly growthEvents?: number;
  readonly growthSchema?: string;
  readonly peers?: PeerName[] | true;
  readonly umadb?: string;
}

/** Ends the process where the words cannot be followed, or only help is wanted. */
export function readOptions(argv: readonly string[]): Options {
  const flags = commandLine().parse(argv, { from: 'user' }).opts<Flags>();
  const { only, all = false, quick = false, rounds, seconds } = flags;
  const profile = flags.cpuProfiles ?? (flags.profile === true ? 'bench-profiles' : flags.profile);
  const resolved = (file: string | undefined) => (file === undefined ? undefined : path.resolve(file));
  return {
    quick,
    only,
    all,
    withPeers: flags.peers !== undefined,
    peers: flags.peers === undefined || flags.peers === true ? PEER_NAMES : flags.peers,
    umadb: flags.umadb,
    cpuProfiles: resolved(profile),
    rounds: rounds ?? (quick ? 3 : 5),
    turnMilliseconds: seconds === undefined ? (quick ? 200 : 800) : Math.round(seconds * 1000),
    warmUpMilliseconds: quick ? 1000 : 6000,
    coldCommands: quick ? 48 : 192,
    loadEvents: quick ? 30_000 : 500_000,
    loadRounds: rounds ?? (quick ? 1 : 2),
    grownEvents: quick ? 50_000 : 500_000,
    growthEvents: flags.growthEvents ?? (quick ? 100_000 : only?.join() === 'S7' ? 10_000_000 : 1_000_000),
    growthSchema: flags.growthSchema,
    startRounds: quick ? 1 : 3,
    output: {
      json: flags.json ?? false,
      list: flags.list ?? false,
      file: resolved(flags.output),
      compareWith: resolved(flags.compare),
      from: resolved(flags.from),
      docs: resolved(flags.docs === true ? DOCS_PAGE : flags.docs),
    },
  };
}

function commandLine(): Command {
  return new Command('npm run bench --')
    .description('measures the service beside what Postgres and grpc-js allow, in one interleaved run')
    .addOption(new Option('--only <ids>', 'some rows, with commas between: see --list').argParser(rowIds))
    .addOption(new Option('--all', 'all rows, which takes many minutes; also with --quick').conflicts('only'))
    .addOption(
      new Option(
        '--peers [names]',
        `also other event stores: ${PEER_NAMES.join(', ')}, or all; installs them into .headwater-bench`,
      ).argParser(peerNames),
    )
    .option('--quick', 'the most important rows in seconds, and less to be relied on')
    .option('--rounds <count>', 'how often ours and the floors take turns (default: 5, quick 3)', count)
    .option('--seconds <time>', 'how long each has its turn (default: 0.8, quick 0.2)', duration)
    .addOption(
      new Option(
        '--growth-events <number>',
        'of the long log; 10 million where only S7 is asked for, else a million, or with --quick 100,000',
      ).argParser(eventCount),
    )
    .option('--growth-schema <name>', 'keeps the long log there, and takes it from there, with DATABASE_URL')
    .option('--umadb <address>', 'a UmaDB that runs already, instead of one that is started')
    .option('--list', 'tells which rows there are, and measures nothing')
    .option('--json', 'one JSON object instead of tables')
    .option('--output <file>', 'writes the JSON there as well')
    .option('--compare <file>', 'shows each ratio beside that of an earlier JSON')
    .option('--from <file>', 'shows an earlier JSON instead of measuring')
    .option('--docs [file]', `writes a page with plots, and the JSON beside them (default: ${DOCS_PAGE})`)
    .option('--profile [folder]', "writes the service's CPU profile there (default: bench-profiles)")
    .addOption(new Option('--cpu-profiles <folder>').hideHelp())
    .helpOption('--help', 'shows this')
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      `
Ratios are what counts: absolute numbers follow the machine and what else it does. No ratio makes it fail.
What it is doing is told on stderr; the result is on stdout. It ends with 0; with 1 when it was asked for something that
there is not, or a row could not be measured (the others are told all the same); with 130 after Ctrl-C, which cleans up.
DATABASE_URL names a server to use instead of an embedded one; what is made there is dropped again.

Examples:
  npm run bench
  npm run bench -- --quick --only S1,S4
  npm run bench -- --only peer-appends --peers emmett,message-db
  npm run bench -- --output before.json
  npm run bench -- --compare before.json
  npm run bench -- --docs
  npm run bench -- --docs --from docs/performance/result.json`,
    );
}

function rowIds(text: string): readonly RowId[] {
  return text.split(',').map((name) => {
    const id = ROW_IDS.find((known) => known.toLowerCase() === name.trim().toLowerCase());
    if (id === undefined)
      throw new InvalidArgumentError(`${name} is none of ${ROW_IDS.join(', ')}. --list says what they are.`);
    return id;
  });
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 1000)
    throw new InvalidArgumentError(`${text} is no count from 1 to 1000.`);
  return value;
}

function duration(text: string): number {
  const value = Number(text);
  if (!(value >= 0.01 && value <= 600))
    throw new InvalidArgumentError(`${text} is no time from 0.01 to 600 seconds.`);
  return value;
}

function peerNames(text: string): readonly PeerName[] {
  return text.split(',').map((name) => {
    const found = PEER_NAMES.find((known) => known === name.trim().toLowerCase());
    if (found === undefined) throw new InvalidArgumentError(`${name} is none of ${PEER_NAMES.join(', ')}.`);
    return found;
  });
}

function eventCount(text: string): number {
  const count = Number(text.replaceAll(/[_,]/g, ''));
  if (!Number.isSafeInteger(count) || count < 100_000)
    throw new InvalidArgumentError('It must be a number of events, 100,000 at least.');
  return count;
}
