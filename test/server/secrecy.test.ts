import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { EventStoreService } from '../../gen/headwater/v1/event_store_service_pb.js';
import { type Connection, connect } from '../../src/client/connect.js';
import { loadConfig } from '../../src/config.js';
import { silentLogger } from '../../src/core/logger.js';
import { makeFirstToken } from '../../src/first-token.js';
import { newEvent, to } from '../../src/testing/builders.js';
import { deserializer, methodPath, serializer } from '../../src/wire/method.js';
import { urlOf } from '../support/headwater.js';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';

/** What must be nowhere: each kind of input has one of its own. */
const planted = new Map<string, string>();
const canary = (kind: string): string => {
  const known = planted.get(kind);
  if (known !== undefined) return known;
  const made = `c${randomBytes(9).toString('hex')}y`;
  planted.set(kind, made);
  return made;
};
/** Those that are names, and may be told to whoever sent them. */
const NAMES = new Set([
  'stream id',
  'aggregate type',
  'event type',
  'group',
  'projection',
  'principal',
  'name',
]);

const namespace = newSchemaName();
const accessNamespace = newSchemaName();
const folder = mkdtempSync(path.join(tmpdir(), 'secrecy-'));
let service: ServiceProcess;
let ada: Connection;
let eve: Connection;
let adaToken: string;
/** What each caller was told when something failed. */
const told = { ada: [] as string[], eve: [] as string[] };

beforeAll(async () => {
  const accessFile = path.join(folder, 'access.json');
  const rules = [{ name: 'admins', roles: ['admin'], actions: ['*'] }];
  writeFileSync(accessFile, JSON.stringify({ rules }));
  const databaseUrl = urlOf(inject('connection'));
  const { config } = loadConfig({ databaseUrl, accessNamespace }, undefined, {});
  const tokenOf = async (principal: string) =>
    (
      await makeFirstToken(config, silentLogger, {
        name: canary('name'),
        principal,
        bindings: [{ role: 'admin', scope: 'system' }],
        validForMs: 3_600_000,
      })
    ).secret;
  adaToken = await tokenOf(canary('principal'));
  const eveToken = await tokenOf('eve');
  planted.set('token of ada', adaToken.split('_').slice(2).join('_'));
  planted.set('token of eve', eveToken.split('_').slice(2).join('_'));
  const flags = ['--namespace', namespace, '--access-namespace', accessNamespace];
  service = await startServiceProcess({
    databaseUrl,
    flags: [...flags, '--access-file', accessFile, '--audit', 'all', '--log-level', 'debug'],
  });
  const as = (token: string) => connect({ address: service.address, token, timeoutMs: 20_000 });
  ada = as(adaToken);
  eve = as(eveToken);
});
afterAll(async () => {
  ada.close();
  eve.close();
  await service.kill();
  rmSync(folder, { recursive: true });
  const database = openDatabase();
  for (const schema of [namespace, accessNamespace])
    await database.query('append', `DROP SCHEMA IF EXISTS "${schema}" CASCADE`, []);
  await database.close();
});

/** All that an error tells, however deep. */
function textOf(error: unknown): string {
  const seen = new Set<unknown>();
  const parts: string[] = [];
  const visit = (value: unknown) => {
    if (typeof value !== 'object' || value === null) {
      parts.push(String(value));
      return;
    }
    if (seen.has(value)) return;
    seen.add(value);
    if (value instanceof Error) parts.push(value.message);
    for (const name of Object.getOwnPropertyNames(value))
      if (name !== 'stack') visit((value as Record<string, unknown>)[name]);
  };
  visit(error);
  return parts.join('\n');
}

async function fails(who: keyof typeof told, call: () => Promise<unknown>): Promise<void> {
  await call().then(
    () => undefined,
    (error: unknown) => told[who].push(textOf(error)),
  );
}

const stream = () => ({ aggregateType: canary('aggregate type'), aggregateId: canary('stream id') });
const eventId = '0190f3a0-1111-7000-8000-00000000abcd';
const event = (parts: object = {}) =>
  newEvent({
    eventType: canary('event type'),
    json: { secret: canary('data'), sql: `'; DROP TABLE ${canary('sql')}; --` },
    metadata: { key: canary('metadata value') },
    tags: [`tag:${canary('tag')}`],
    ...parts,
  });

async function drained(pages: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of pages);
}

/** All kinds of calls, some of which fail by themselves. */
const calls = (by: Connection): readonly (() => Promise<unknown>)[] => [
  () => by.eventStore.append({ streams: [to(stream(), 'ANY', event())] }),
  () => by.eventStore.append({ streams: [to(stream(), 77n, event())] }),
  () => by.eventStore.append({ streams: [to(stream(), 'ANY', event({ tags: [`${canary('tag')}\n`] }))] }),
  () =>
    by.eventStore.append({
      streams: [to(stream(), 'ANY', event({ metadata: { k: canary('metadata value').repeat(9999) } }))],
    }),
  () =>
    by.eventStore.append({ streams: [to(stream(), 'ANY', event({ json: canary('data').repeat(99_999) }))] }),
  () =>
    by.eventStore.append({
      streams: [to(stream(), 'ANY', event())],
      condition: { items: [{ tags: [`tag:${canary('tag')}`] }] },
    }),
  () => by.eventStore.getStream(stream()),
  () => by.eventStore.countEvents({ filters: [{ tags: [`tag:${canary('tag')}`] }] }),
  () =>
    drained(
      by.eventStore.load({
        filters: [{ metadata: [{ key: 'key', operator: 'MATCHES', values: [`(${canary('pattern')}`] }] }],
      }),
    ),
  () => by.eventStore.listStreams({ pageToken: canary('page token') }),
  () =>
    by.eventStore.saveSnapshot(stream(), {
      version: 1n,
      schemaVersion: 1,
      data: Buffer.from(canary('state')),
      contentType: 'application/json',
    }),
  () =>
    by.eventStore.eraseStream({
      stream: stream(),
      expectedVersion: 99n,
      metadata: { reason: canary('reason') },
    }),
  () =>
    by.commands.execute({
      commandType: 'Unknown',
      aggregateId: canary('stream id'),
      data: { kind: 'JSON', bytes: Buffer.from(JSON.stringify(canary('command'))) },
    } as never),
  () => by.consumerGroups.create({ name: canary('group') }),
  () => by.consumerGroups.get(`${canary('group')}-missing`),
  () => by.projections.get(canary('projection')),
  () => by.access.revokeToken(canary('token id')),
  () => by.access.grantRole('x', { role: `${canary('role')}\n`, scope: 's' }),
  () => by.namespace(newSchemaName()).eventStore.getLog(),
];

/** Calls with headers that no client of ours sends. */
async function withHeaders(headers: Readonly<Record<string, string>>): Promise<string> {
  const raw = new Client(service.address, credentials.createInsecure());
  const { getLog } = EventStoreService.method;
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  try {
    return await new Promise<string>((resolve) => {
      raw.makeUnaryRequest(
        methodPath(getLog),
        serializer(getLog.input),
        deserializer(getLog.output) as (bytes: Buffer) => unknown,
        { $typeName: getLog.input.typeName } as never,
        metadata,
        (error) =>
          resolve(error === null ? '' : `${error.message} ${JSON.stringify(error.metadata.toJSON())}`),
      );
    });
  } finally {
    raw.close();
  }
}

const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

it('nothing that callers send is in logs, health, or what others are told', {
  timeout: 120_000,
}, async () => {
  for (const call of calls(ada)) await fails('ada', call);
  expect(told.ada.length).toBeGreaterThan(8);

  await eve.eventStore.append({
    streams: [to({ aggregateType: 'Mine', aggregateId: '1' }, 'ANY', newEvent({ eventId }))],
  });
  await fails('ada', () => ada.eventStore.append({ streams: [to(stream(), 'ANY', event({ eventId }))] }));
  await fails('eve', () =>
    eve.eventStore.append({
      streams: [to({ aggregateType: 'Mine', aggregateId: '2' }, 'ANY', newEvent())],
      condition: { items: [{}] },
    }),
  );

  const strangers = await Promise.all(
    [
      { authorization: `Bearer hw_${'0'.repeat(18)}_${canary('bad token')}${'x'.repeat(23)}` },
      {
        authorization: `Bearer ${base64({ alg: 'none', kid: canary('kid') })}.${base64({ sub: canary('jwt') })}.`,
      },
      { authorization: `Basic ${canary('basic')}` },
      { authorization: `Bearer ${adaToken}x` },
      { authorization: `Bearer ${adaToken}`, 'headwater-namespace': `A ${canary('header namespace')}` },
      { authorization: `Bearer ${adaToken}`, 'x-other': canary('other header').repeat(600) },
      { 'headwater-principal': JSON.stringify({ id: canary('header principal') }) },
    ].map(withHeaders),
  );
  expect(strangers.every((error) => error !== '')).toBe(true);

  const database = openDatabase();
  const broken = ['events', 'streams', 'snapshots', 'consumer_groups', 'projections'];
  const tables = await database.query(
    'read',
    `SELECT c.relname FROM pg_class c WHERE c.relnamespace = '"${namespace}"'::regnamespace AND c.relkind = 'r'`,
    [],
  );
  const there = broken.filter((table) => tables.some(([name]) => name === table));
  expect(there).toContain('events');
  for (const table of there)
    await database.query('append', `ALTER TABLE "${namespace}"."${table}" RENAME TO "${table}_away"`, []);
  for (const call of calls(ada)) await fails('ada', call);
  await fails('eve', () => eve.eventStore.countEvents());
  await database.close();
  expect(told.ada.concat(told.eve).some((text) => text.includes('INTERNAL'))).toBe(true);

  const http = service.readyUrl.replace(/\/readyz$/, '');
  const pages = await Promise.all(
    ['/', '/livez', '/readyz', '/healthz', `/${canary('path')}`].map(async (at) =>
      (await fetch(`${http}${at}`)).text(),
    ),
  );
  await service.drain();
  const logs = service.stdout() + service.stderr();
  expect(service.stderr().length, 'the log is here as a whole').toBeLessThan(64 * 1024);
  expect(logs).toContain('An unexpected error');

  for (const [kind, text] of planted) {
    if (kind !== 'principal') expect(logs, `${kind} in the logs`).not.toContain(text);
    expect(pages.join('\n'), `${kind} in health`).not.toContain(text);
    expect(strangers.join('\n'), `${kind} in what strangers are told`).not.toContain(text);
    expect(told.eve.join('\n'), `${kind} in what another is told`).not.toContain(text);
    if (!NAMES.has(kind) && !SAID_BACK.has(kind))
      expect(told.ada.join('\n'), `${kind} in errors`).not.toContain(text);
  }
});

/** What is wrong is said back to whoever sent it, so that they find it. */
const SAID_BACK = new Set(['tag', 'pattern', 'page token', 'token id', 'role']);
