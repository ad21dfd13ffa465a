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
  readonly json: boolean;
  readonly only: readonly RowId[];
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
}

export function readOptions(argv: readonly string[]): Options {
  const command = new Command('npm run bench --')
    .description('measures the service beside what Postgres and grpc-js allow, in one interleaved run')
    .option('--quick', 'seconds instead of minutes, and less to be relied on')
    .option('--json', 'one JSON object instead of tables')
    .addOption(
      new Option('--only <ids>', `some of ${ROW_IDS.join(', ')}, with commas between`).argParser(rowIds),
    )
    .addOption(
      new Option(
        '--peers [names]',
        `other event stores beside ours: ${PEER_NAMES.join(', ')}, or all; installs them into .headwater-bench`,
      ).argParser(peerNames),
    )
    .option('--umadb <address>', 'a UmaDB that runs already, instead of one that is started')
    .option('--cpu-profiles <folder>', "writes the service's CPU profile there, for DevTools or speedscope")
    .addOption(
      new Option(
        '--growth-events <number>',
        'of the long log; 10 million where only S7 is asked for, else a million, or with --quick 100,000',
      ).argParser(eventCount),
    )
    .option('--growth-schema <name>', 'keeps the long log there, and takes it from there, with DATABASE_URL')
    .addHelpText(
      'after',
      `
Ratios are what counts: absolute numbers follow the machine and what else it does. DATABASE_URL names a server to use
instead of an embedded one; what is made there is dropped again.

Examples:
  npm run bench
  npm run bench -- --quick --only S1,S4
  npm run bench -- --peers
  npm run bench -- --only peer-appends --peers emmett,message-db
  npm run bench -- --json > result.json`,
    )
    .parse(argv, { from: 'user' });
  const flags = command.opts<{
    quick?: true;
    json?: true;
    only?: RowId[];
    growthEvents?: number;
    growthSchema?: string;
    peers?: PeerName[] | true;
    umadb?: string;
    cpuProfiles?: string;
  }>();
  const quick = flags.quick ?? false;
  return {
    quick,
    json: flags.json ?? false,
    ...rowsAndPeers(flags),
    umadb: flags.umadb,
    cpuProfiles: flags.cpuProfiles === undefined ? undefined : path.resolve(flags.cpuProfiles),
    rounds: quick ? 3 : 5,
    turnMilliseconds: quick ? 200 : 1200,
    coldCommands: quick ? 128 : 384,
    loadEvents: quick ? 50_000 : 500_000,
    loadRounds: quick ? 1 : 2,
    grownEvents: quick ? 50_000 : 500_000,
    growthEvents:
      flags.growthEvents ?? (quick ? 100_000 : flags.only?.join() === 'S7' ? 10_000_000 : 1_000_000),
    growthSchema: flags.growthSchema,
    startRounds: quick ? 1 : 3,
  };
}

/** Rows about peers are asked for by name or by `--peers`: what they need is installed from elsewhere, and takes minutes more. */
function rowsAndPeers({
  only,
  peers,
}: {
  readonly only?: readonly RowId[];
  readonly peers?: readonly PeerName[] | true;
}): Pick<Options, 'only' | 'peers'> {
  const asked = only ?? ROW_IDS.filter((id) => !isAboutPeers(id));
  return {
    only:
      peers === undefined || asked.some(isAboutPeers) ? asked : [...asked, ...ROW_IDS.filter(isAboutPeers)],
    peers: peers === undefined || peers === true ? PEER_NAMES : peers,
  };
}

function isAboutPeers(id: RowId): boolean {
  return id.startsWith('peer-');
}

function peerNames(text: string): readonly PeerName[] {
  return text.split(',').map((name) => {
    const found = PEER_NAMES.find((known) => known === name.trim().toLowerCase());
    if (found === undefined) throw new InvalidArgumentError(`${name} is none of ${PEER_NAMES.join(', ')}.`);
    return found;
  });
}

function rowIds(text: string): readonly RowId[] {
  return text.split(',').map((name) => {
    const id = ROW_IDS.find((known) => known.toLowerCase() === name.trim().toLowerCase());
    if (id === undefined) throw new InvalidArgumentError(`${name} is none of ${ROW_IDS.join(', ')}.`);
    return id;
  });
}

function eventCount(text: string): number {
  const count = Number(text.replaceAll(/[_,]/g, ''));
  if (!Number.isSafeInteger(count) || count < 100_000)
    throw new InvalidArgumentError('It must be a number of events, 100,000 at least.');
  return count;
}
