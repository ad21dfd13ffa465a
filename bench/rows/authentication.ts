import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SignJWT } from 'jose';
import { connect } from '../../src/client/connect.js';
import { type Child, startChild } from '../child.js';
import { keepInFlight } from '../in-flight.js';
import { takeTurns } from '../rounds.js';
import { compare, type Measurement } from '../row.js';
import type { Stage } from '../stage.js';
import { walks } from '../workload.js';

const IN_FLIGHT = 256;
const ISSUER = 'https://issuer.example';

/** A file as a service of some size has it; the rule that allows is not the first. */
const ACCESS = {
  rules: [
    { name: 'administrators', roles: ['admin'], actions: ['*'] },
    ...Array.from({ length: 10 }, (_, index) => ({
      name: `team ${index}`,
      roles: [`team-${index}`],
      actions: ['read', 'append'],
      streams: [{ aggregateType: `Team${index}` }],
    })),
    { name: 'tellers', roles: ['teller'], actions: ['append'], streams: [{ aggregateType: 'Account' }] },
  ],
  jwt: { bindings: [{ claim: 'roles', role: '$value', scope: 'system' }] },
};

/**
 * What it costs to know who calls and what they may: the same pipelined appends through two services on one log, of which one
 * authenticates by JWT and decides each append by rules with streams.
 */
export const authentication: Measurement = {
  id: 'authentication',
  about: 'appends by known callers under rules, beside the same by anybody',
  long: true,
  async measure(stage, { rounds, turnMilliseconds }) {
    const folder = await mkdtemp(path.join(tmpdir(), 'headwater-bench-access-'));
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const accessFile = path.join(folder, 'access.json');
    const jwtKeys = path.join(folder, 'issuer.pem');
    await writeFile(accessFile, JSON.stringify(ACCESS));
    await writeFile(jwtKeys, publicKey.export({ type: 'spki', format: 'pem' }));
    const accessNamespace = `${stage.schema}_access`;
    const children: Child[] = [];
    const start = async (flags: Readonly<Record<string, unknown>>) => {
      const input = { databaseUrl: stage.postgres.url, schema: stage.schema, flags };
      const child = await startChild('./service-process.js', { input, cwd: folder });
      children.push(child);
      return child;
    };
    const jwt = { jwtKeys, jwtIssuers: [ISSUER], jwtAudiences: ['headwater'] };
    try {
      const trusting = await start({});
      const open = connect({ address: trusting.address });
      const knowing = await start({ accessFile, accessNamespace, ...jwt });
      const known = connect({
        address: knowing.address,
        token: await signed(privateKey),
      });
      const [openWalks, knownWalks] = [walks(IN_FLIGHT), walks(IN_FLIGHT)];
      const results = await takeTurns(rounds, [
        {
          meter: stage.meter.with({ service: knowing.pid }),
          take: (latency) =>
            keepInFlight(knownWalks, turnMilliseconds, async (walk) => {
              await latency.of(() => known.eventStore.append(walk.request()));
              return 1;
            }),
        },
        {
          meter: stage.meter.with({ service: trusting.pid }),
          take: () =>
            keepInFlight(openWalks, turnMilliseconds, async (walk) => {
              await open.eventStore.append(walk.request());
              return 1;
            }),
        },
      ]);
      open.close();
      known.close();
      return [
        compare(
          results,
          { ours: 0, floor: 1 },
          {
            id: 'authentication',
            what: `pipelined appends of one event, ${IN_FLIGHT} in flight, by JWT and rules with streams`,
            unit: 'events/s',
            floor: 'the same with nobody authenticated',
            target: 0.95,
          },
        ),
      ];
    } finally {
      for (const child of children) await child.stop();
      await dropSchema(stage, accessNamespace);
      await rm(folder, { recursive: true, force: true });
    }
  },
};

function signed(key: KeyObject): Promise<string> {
  return new SignJWT({ roles: ['teller', 'employee'] })
    .setProtectedHeader({ alg: 'ES256' })
    .setSubject('bench')
    .setIssuer(ISSUER)
    .setAudience('headwater')
    .setExpirationTime('1h')
    .sign(key);
}

async function dropSchema({ postgres }: Stage, schema: string): Promise<void> {
  const client = await postgres.connect();
  await client.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
  await client.end();
}
