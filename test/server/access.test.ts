import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SignJWT } from 'jose';
import { expect, inject, it, onTestFinished } from 'vitest';
import { connect } from '../../src/client/connect.js';
import { eventsOf } from '../../src/core/load.js';
import { newEvent, to } from '../../src/testing/builders.js';
import { urlOf } from '../support/headwater.js';
import { newSchemaName } from '../support/test-database.js';
import { serve } from './service.js';

const ACCESS = {
  rules: [
    { name: 'admins', roles: ['admin'], actions: ['*'] },
    {
      name: 'europe',
      roles: ['reader'],
      actions: ['read'],
      streams: [{ aggregateType: 'Order', aggregateIdPrefix: 'eu-' }],
    },
  ],
  principals: { root: [{ role: 'admin', scope: 'system' }] },
  jwt: { bindings: [{ claim: 'roles', role: '$value', scope: 'system' }] },
};

const order = (aggregateId: string) => ({ aggregateType: 'Order', aggregateId });

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'access-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

async function signed(key: KeyObject, subject: string, roles: readonly string[] = []): Promise<string> {
  return new SignJWT({ roles })
    .setProtectedHeader({ alg: 'ES256' })
    .setSubject(subject)
    .setIssuer('https://issuer.example')
    .setAudience('headwater')
    .setExpirationTime('5m')
    .sign(key);
}

it('lets in who has a token of the issuer, shows them what they may see, and ends what they follow when that changes', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const scratch = folder();
  const accessFile = path.join(scratch, 'access.json');
  const jwtKeys = path.join(scratch, 'issuer.pem');
  writeFileSync(accessFile, JSON.stringify(ACCESS));
  writeFileSync(jwtKeys, publicKey.export({ type: 'spki', format: 'pem' }));
  const { connection: nobody, service } = await serve(urlOf(inject('connection')), {
    namespace: newSchemaName(),
    accessNamespace: newSchemaName(),
    accessFile,
    jwtKeys,
    jwtIssuers: ['https://issuer.example'],
    jwtAudiences: ['headwater'],
  });
  const as = (token: string) => {
    const connection = connect({ address: service.grpcAddress, token, timeoutMs: 20_000 });
    onTestFinished(() => connection.close());
    return connection;
  };
  const root = as(await signed(privateKey, 'root'));
  const reader = as(await signed(privateKey, 'ada', ['reader']));

  await expect(nobody.eventStore.getLog()).rejects.toMatchObject({ reason: 'UNAUTHENTICATED' });
  await root.eventStore.append({
    streams: [
      to(order('eu-1'), 'NO_STREAM', newEvent({ json: 1 })),
      to(order('us-1'), 'NO_STREAM', newEvent({ json: 2 })),
      to(order('eu-2'), 'NO_STREAM', newEvent({ json: 3 })),
    ],
  });

  const seen: string[] = [];
  for await (const event of eventsOf(reader.eventStore.load({}))) seen.push(event.stream.aggregateId);
  expect(seen).toEqual(['eu-1', 'eu-2']);
  expect(await reader.eventStore.countEvents()).toMatchObject({ count: 2n });
  const { streams } = await reader.eventStore.listStreams();
  expect(streams.map(({ stream }) => stream.aggregateId)).toEqual(['eu-1', 'eu-2']);
  expect((await reader.eventStore.listAggregateTypes()).aggregateTypes).toMatchObject([
    { aggregateType: 'Order', streams: 2n, events: 2n },
  ]);
  for (const id of ['us-1', 'never'])
    await expect(reader.eventStore.getStream(order(id))).rejects.toMatchObject({
      reason: 'POLICY_DENIED',
      message: 'No policy allows get-stream',
    });
  await expect(
    reader.eventStore.append({ streams: [to(order('eu-1'), 'ANY', newEvent({ json: 4 }))] }),
  ).rejects.toMatchObject({ reason: 'POLICY_DENIED' });

  const followed = (async () => {
    for await (const { signal } of reader.eventStore.subscribe({}))
      if (signal?.kind === 'CAUGHT_UP')
        writeFileSync(accessFile, JSON.stringify({ ...ACCESS, rules: ACCESS.rules.slice(0, 1) }));
  })();
  await expect(followed).rejects.toMatchObject({ reason: 'POLICY_DENIED' });
});
