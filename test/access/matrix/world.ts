import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Client, credentials, Client as GrpcClient } from '@grpc/grpc-js';
import { inject } from 'vitest';
import { type Connection, connect } from '../../../src/client/connect.js';
import { loadConfig } from '../../../src/config.js';
import type { Event } from '../../../src/core/event.js';
import { silentLogger } from '../../../src/core/logger.js';
import { startService } from '../../../src/server.js';
import { newEvent, to } from '../../../src/testing/builders.js';
import { urlOf } from '../../support/headwater.js';
import { newSchemaName } from '../../support/test-database.js';
import type { Where } from './oracle.js';
import { accessFile, headersOf, Issuer, JWT_SETTINGS, type PrincipalName } from './principals.js';

/** A whole service with an access file, somebody of each kind, and something of each kind in its logs. */
export interface World {
  readonly address: string;
  readonly issuer: Issuer;
  readonly namespaces: Readonly<Record<Where, string>>;
  /** Nothing of ours but the bytes. */
  readonly raw: Client;
  readonly root: Connection;
  authorization(principal: PrincipalName): string | undefined;
  /** Writes the access file anew. */
  setAccess(file: unknown): void;
  readonly access: ReturnType<typeof accessFile>;
  close(): Promise<void>;
}

export const DATA: readonly (readonly [type: string, id: string])[] = [
  ['Order', 'eu-1'],
  ['Order', 'us-1'],
  ['Order', 'eu-10'],
  ['Order', 'eu'],
  ['Invoice', 'eu-1'],
  ['Secret', 's-1'],
  ['Order', 'eu-gone'],
  ['Order', 'us-gone'],
  ['Invoice', 'i-1'],
];

export async function openWorld(): Promise<World> {
  const namespaces = {
    main: newSchemaName(),
    other: newSchemaName(),
    access: newSchemaName(),
    missing: newSchemaName(),
    fresh: newSchemaName(),
  };
  const issuer = new Issuer();
  const folder = mkdtempSync(path.join(tmpdir(), 'matrix-'));
  const jwtKeys = path.join(folder, 'issuer.pem');
  const file = path.join(folder, 'access.json');
  const access = accessFile(namespaces);
  writeFileSync(jwtKeys, issuer.publicKey);
  writeFileSync(file, JSON.stringify(access));
  const flags = {
    databaseUrl: urlOf(inject('connection')),
    grpcPort: 0,
    httpPort: 0,
    drainTimeoutMs: 1000,
    namespace: namespaces.main,
    accessNamespace: namespaces.access,
    accessFile: file,
    audit: 'none',
    jwtKeys,
    ...JWT_SETTINGS,
  };
  const service = await startService(loadConfig(flags, undefined, {}).config, silentLogger);
  const headers = await headersOf(issuer, namespaces);
  const bearer = (name: PrincipalName) => headers.get(name)?.replace('Bearer ', '') ?? '';
  const root = connect({ address: service.grpcAddress, token: bearer('admin'), timeoutMs: 20_000 });
  await root.namespaces.create(namespaces.other);
  for (const namespace of [namespaces.main, namespaces.other]) await fill(root.namespace(namespace));

  const made = async (name: string) =>
    root.access.createToken({ name, principal: name, bindings: [{ role: 'reader', scope: 'system' }] });
  const revoked = await made('revoked');
  await root.access.revokeToken(revoked.token.tokenId);
  headers.set('with a revoked API token', `Bearer ${revoked.secret}`);
  headers.set('reader by an API token', `Bearer ${(await made('reader')).secret}`);

  const raw = new GrpcClient(service.grpcAddress, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
  });
  return {
    address: service.grpcAddress,
    issuer,
    namespaces,
    raw,
    root,
    access,
    authorization: (principal) => headers.get(principal),
    setAccess: (next) => writeFileSync(file, JSON.stringify(next)),
    close: async () => {
      raw.close();
      root.close();
      await service.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

/** Two events in each stream, one after the other, so that what is hidden lies between what is shown. */
async function fill({ eventStore }: Pick<Connection, 'eventStore'>): Promise<void> {
  for (const version of ['NO_STREAM', 'STREAM_EXISTS'] as const)
    for (const [aggregateType, aggregateId] of DATA)
      await eventStore.append({
        streams: [to({ aggregateType, aggregateId }, version, newEvent({ json: aggregateId }))],
      });
  for (const aggregateId of ['eu-gone', 'us-gone'])
    await eventStore.changeStream({
      kind: 'DELETE',
      stream: { aggregateType: 'Order', aggregateId },
      expectedVersion: 'ANY',
    });
}

export async function allEvents({ eventStore }: Pick<Connection, 'eventStore'>): Promise<Event[]> {
  const events: Event[] = [];
  for await (const page of eventStore.load({})) events.push(...page.events);
  return events;
}
