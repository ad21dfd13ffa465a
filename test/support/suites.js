// The suites of `npm test`. Plain JavaScript, as run.js that runs them.

/**
 * A suite is files and folders, but for what others name in these folders: so each file is in one suite, and new ones are too.
 * Seconds are what it may take on two cores; more is told, and is no failure. Long ones are left out of a plain `npm test`,
 * which a person waits for; `npm run check` and CI run all.
 */
export const SUITES = [
  { name: 'main', files: ['test/'], seconds: 200 },
  { name: 'cli', files: ['test/cli/'], seconds: 240, long: true },
  // A part of the matrix of who may what; with HEADWATER_TEST_EVERY_CELL all of it, for minutes.
  {
    name: 'access',
    files: [
      'test/access/',
      ...['audit', 'mtls', 'roles-namespace', 'secrecy', 'shadow', 'tls', 'tls-postgres', 'tokens'].map(
        (name) => `test/server/${name}.test.ts`,
      ),
    ],
    seconds: 120,
    long: true,
  },
  // Schemas and databases are made by the dozen.
  {
    name: 'namespaces',
    files: ['test/postgres/namespaces.test.ts', 'test/server/namespaces.test.ts'],
    seconds: 60,
    long: true,
  },
  { name: 'tour', files: ['test/tour/'], seconds: 60, long: true },
  { name: 'model', files: ['test/model/'], seconds: 90 },
  // The contract of the store over gRPC; in memory and on Postgres alone it is in main.
  { name: 'contract', files: ['test/client/contract.test.ts'], seconds: 90, long: true },
  // Each a program of its own, with a service.
  { name: 'examples', files: ['test/examples/'], seconds: 90, long: true },
  // Two ways to the same end, by thousands of random inputs.
  {
    name: 'comparisons',
    files: [
      'test/postgres/append-groups.test.ts',
      'test/postgres/differential.test.ts',
      'test/postgres/load-aggregates.test.ts',
      'test/wire/append-codec.test.ts',
      'test/wire/decode-page.test.ts',
    ],
    seconds: 60,
    long: true,
  },
  { name: 'embedded', files: ['test/embedded/'], seconds: 45, long: true },
  // They measure, or load the machine as it is.
  { name: 'trust', files: ['test/trust/'], oneAtATime: true, seconds: 75 },
  // Each starts a server of its own, and some of them standbys.
  {
    name: 'replication',
    files: [
      ...['quorum', 'epochs', 'replica'].map((name) => `test/trust/${name}.test.ts`),
      ...['own-server', 'standby'].map((name) => `test/postgres/sql-append-${name}.test.ts`),
    ],
    oneAtATime: true,
    seconds: 95,
    long: true,
  },
  { name: 'commands', files: ['test/trust/commands.test.ts'], seconds: 90, long: true },
  // What is killed, cut off or fought over while it follows the log, and a thousand followers of one service.
  {
    name: 'followers',
    files: [
      'test/followers/',
      'test/client/consumer-groups-contract.test.ts',
      'test/trust/followers.test.ts',
      'test/trust/follower-scale.test.ts',
    ],
    oneAtATime: true,
    seconds: 420,
    long: true,
  },
  // What is large, or compared with what Postgres alone can.
  {
    name: 'measures',
    files: [
      'test/bench/',
      'test/tour/long-history.test.ts',
      'test/postgres/sql-append-rate.test.ts',
      'test/trust/memory.test.ts',
    ],
    oneAtATime: true,
    seconds: 330,
    long: true,
  },
  // Building the Go programs takes most of it, where their packages have not been compiled before.
  { name: 'polyglot', files: ['test/polyglot/'], oneAtATime: true, seconds: 150, long: true },
  // Each file starts brokers of its own, which take both cores while they start.
  { name: 'relay', files: ['test/relay/'], oneAtATime: true, seconds: 180, long: true },
];

/** As vitest takes them: parts of paths, in which only the slash at the end tells `test/cli/` from `test/client/`. */
export function argumentsOf({ files, oneAtATime, name }) {
  const named = SUITES.filter((other) => other.name !== name).flatMap((other) => other.files);
  const left = named.filter((one) => files.some((folder) => folder !== one && one.startsWith(folder)));
  return [
    ...files,
    ...left.flatMap((one) => ['--exclude', one.endsWith('/') ? `${one}**` : one]),
    ...(oneAtATime ? ['--maxWorkers=1'] : []),
  ];
}
