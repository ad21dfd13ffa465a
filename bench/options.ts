import path from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';

/** The rows by their ids, in the order in which they run. */
export const ROW_IDS = ['S1', 'S2', 'S3', 'batches', 'S4', 'S6', 'authentication'] as const;
export type RowId = (typeof ROW_IDS)[number];

/** What to measure, and for how long. */
export interface Options {
  readonly quick: boolean;
  readonly json: boolean;
  readonly only: readonly RowId[];
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
}

export function readOptions(argv: readonly string[]): Options {
  const command = new Command('npm run bench --')
    .description('measures the service beside what Postgres and grpc-js allow, in one interleaved run')
    .option('--quick', 'seconds instead of minutes, and less to be relied on')
    .option('--json', 'one JSON object instead of tables')
    .addOption(
      new Option('--only <ids>', `some of ${ROW_IDS.join(', ')}, with commas between`).argParser(rowIds),
    )
    .option('--cpu-profiles <folder>', "writes the service's CPU profile there, for DevTools or speedscope")
    .addHelpText(
      'after',
      `
Ratios are what counts: absolute numbers follow the machine and what else it does. DATABASE_URL names a server to use
instead of an embedded one; what is made there is dropped again.

Examples:
  npm run bench
  npm run bench -- --quick --only S1,S4
  npm run bench -- --json > result.json`,
    )
    .parse(argv, { from: 'user' });
  const flags = command.opts<{ quick?: true; json?: true; only?: RowId[]; cpuProfiles?: string }>();
  const quick = flags.quick ?? false;
  return {
    quick,
    json: flags.json ?? false,
    only: flags.only ?? ROW_IDS,
    cpuProfiles: flags.cpuProfiles === undefined ? undefined : path.resolve(flags.cpuProfiles),
    rounds: quick ? 3 : 5,
    turnMilliseconds: quick ? 200 : 1200,
    coldCommands: quick ? 128 : 384,
    loadEvents: quick ? 50_000 : 500_000,
    loadRounds: quick ? 1 : 2,
  };
}

function rowIds(text: string): readonly RowId[] {
  return text.split(',').map((name) => {
    const id = ROW_IDS.find((known) => known.toLowerCase() === name.trim().toLowerCase());
    if (id === undefined) throw new InvalidArgumentError(`${name} is none of ${ROW_IDS.join(', ')}.`);
    return id;
  });
}
