import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Connection, connect } from '../../src/client/connect.js';
import type { CrashableBroker } from '../support/broker-process.js';
import { type CrashablePostgres, startCrashablePostgres } from '../support/crashable-postgres.js';
import { startNatsServer } from '../support/nats-server.js';
import { startRabbitMq } from '../support/rabbitmq.js';
import { until } from '../support/replicated-postgres.js';
import { report, unchecked } from './checker.js';
import { seconds } from './command-summary.js';
import { isMoney, isOfAccount } from './followers-check-outcome.js';
import { checkFollowers, FOLLOWER_RULES } from './followers-checker.js';
import { Crew } from './followers-crew.js';
import { type Follower, type FollowersHistory, handlingsIn } from './followers-history.js';
import { FollowersNemesis } from './followers-nemesis.js';
import { readFollowersOutcome, readLeft } from './followers-outcome.js';
import { FollowedServices } from './followers-services.js';
import { followersSummary } from './followers-summary.js';
import { SettledWatch } from './followers-watch.js';
import { AccountWriters } from './followers-writers.js';
import { chosenSeed, Random } from './random.js';

/** What cannot be handled in the first half. */
const POISONED = 'Account/a-3';
const CATCH_UP_MS = 90_000;
/** A group's lease, or a projection's, and a beat. */
const LEASE_OVER_MS = 10_000;

/** 64 deliveries are with a member, and acks of as many may be under way; the members of a group change their slots. */
const GROUP = { ordered: true, again: 3 * 2 * 64 };
/** What is handled in one batch, and lost with it. */
const PROJECTION = { ordered: true, again: 2 * 200 };
/** A broker hands out again what it likes; its handlers have the order of the log, workers that die have not. */
const LISTENER = { ordered: true, again: undefined };
const WORKER = { ordered: false, again: undefined };
const everything = () => true;
const FOLLOWERS: readonly Omit<Follower, 'handlings'>[] = [
  { name: 'mailers', wants: everything, ...GROUP },
  { name: 'billing', wants: isMoney, ...GROUP },
  { name: 'balances', wants: isMoney, ...PROJECTION },
  { name: 'totals', wants: everything, ...PROJECTION },
  { name: 'standings', wants: isOfAccount, ...PROJECTION },
  { name: 'receipts', wants: isOfAccount, ...PROJECTION },
  { name: 'rabbit-worker', wants: everything, ...WORKER },
  { name: 'nats-worker', wants: everything, ...WORKER },
  { name: 'rabbit-listener', wants: everything, ...LISTENER },
  { name: 'nats-listener', wants: everything, ...LISTENER },
];

let folder: string;
let postgres: CrashablePostgres;
let rabbit: CrashableBroker;
let nats: CrashableBroker;
let services: FollowedServices;
let connection: Connection;
let crew: Crew;

beforeAll(async () => {
  const scratch = path.resolve(import.meta.dirname, '../../.headwater-test');
  await mkdir(scratch, { recursive: true });
  folder = await mkdtemp(path.join(scratch, 'followers-'));
  postgres = await startCrashablePostgres();
  [rabbit, nats] = await Promise.all([startRabbitMq(), startNatsServer()]);
  services = await FollowedServices.start(postgres.url);
  const { addresses } = services;
  connection = connect({ address: addresses });
  await ask('CREATE TABLE effects (follower text NOT NULL, position bigint NOT NULL)');
  crew = new Crew(folder, {
    addresses,
    databaseUrl: postgres.url,
    rabbitUrl: rabbit.url,
    natsUrl: nats.url,
    poison: path.join(folder, 'poison'),
    poisoned: POISONED,
  });
  await crew.start();
  await rabbit.settled();
}, 180_000);

afterAll(async () => {
  await crew?.kill();
  connection?.close();
  await services?.close();
  await Promise.all([rabbit?.close(), nats?.close(), postgres?.close()]);
  if (folder) await rm(folder, { recursive: true, force: true });
});

async function ask(sql: string): Promise<readonly unknown[]> {
  const client = new pg.Client(postgres.connection);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

function seen(): readonly Follower[] {
  return FOLLOWERS.map((follower) => ({
    ...follower,
    handlings: crew.all
      .filter(({ role }) => role === follower.name)
      .flatMap(({ files, name }) => files.flatMap((file) => handlingsIn(file, name))),
  }));
}

/** Until everybody has everything. What the reactor appends is for the others. */
async function caughtUp(): Promise<void> {
  const { consumerGroups, projections } = connection;
  const options = { timeoutMilliseconds: CATCH_UP_MS };
  const head = async () => ({
    position: BigInt(
      ((await ask('SELECT position FROM headwater.log_head')) as { position: string }[])[0]?.position ?? 0,
    ),
  });
  await projections.waitFor('receipts', await head(), options);
  const last = await head();
  for (const name of ['receipts', 'balances', 'totals', 'standings', 'rabbit-relay', 'nats-relay'])
    await projections.waitFor(name, last, options);
  await until(
    async () => (await projections.get('standings')).failedAggregates === 0n,
    'all aggregates to go on',
    CATCH_UP_MS,
  );
  for (const group of ['mailers', 'billing'])
    await until(
      async () => {
        const { lag, parked } = await consumerGroups.get(group);
        return lag === 0n && parked === 0n;
      },
      `the group ${group}`,
      CATCH_UP_MS,
    );
  const wanted = Number(last.position);
  await until(
    () =>
      seen()
        .filter(({ again }) => again === undefined)
        .every(({ handlings }) => new Set(handlings.map(({ position }) => position)).size === wanted),
    'those behind the brokers',
    CATCH_UP_MS,
  );
}

test('no event is skipped, streams keep their order and effects are there once, while everything is killed', {
  timeout: 420_000,
}, async () => {
  const seed = chosenSeed();
  console.log(`seed ${seed}`);
  const random = new Random(seed);
  const writers = new AccountWriters(connection, random.fork());
  const watch = new SettledWatch(postgres.connection);
  const nemesis = new FollowersNemesis({ random: random.fork(), crew, services, postgres, rabbit, nats });
  const began = performance.now();
  const working = Promise.all([writers.run(), watch.run()]);
  working.catch(() => undefined);

  const poison = path.join(folder, 'poison');
  await writeFile(poison, '');
  await nemesis.run(async () => {
    await rm(poison);
    await until(
      async () => {
        await connection.consumerGroups.replayParked({ group: 'mailers' });
        return true;
      },
      'the replay',
      30_000,
    );
  });
  writers.stop();
  await crew.revive();
  const quiet = performance.now();
  let late: unknown;
  try {
    await caughtUp();
  } catch (error) {
    late = error;
  }
  const settled = performance.now();
  watch.stop();
  await working;
  await crew.stop();
  const left = await readLeft(postgres.connection, LEASE_OVER_MS);
  const outcome = await readFollowersOutcome(postgres.connection, left);
  const history: FollowersHistory = {
    followers: seen(),
    appends: writers.appends,
    samples: watch.samples,
    faults: nemesis.faults,
    stalls: crew.all.flatMap(({ stalls }) => stalls),
    accidents: crew.accidents,
    poisoned: POISONED,
  };
  const findings = checkFollowers(history, outcome);
  const told = [
    report(findings, seed),
    followersSummary(history, outcome),
    `${seconds(quiet - began)} of faults, all caught up after ${seconds(settled - quiet)}, ` +
      `${seconds(performance.now() - settled)} to stop, read and check; ${writers.resent} appends were sent again`,
  ].join('\n');
  console.log(told);
  if (findings.violations.length > 0 || late !== undefined) console.log(services.stderr());
  expect(late, told).toBeUndefined();
  expect(findings.violations, told).toEqual([]);
  expect(unchecked(findings, FOLLOWER_RULES), told).toEqual([]);
});
