import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { connect, type Connection } from '../../src/client/connect.js';
import { type Config, loadConfig } from '../../src/config.js';
import type { LogFields, Logger } from '../../src/core/logger.js';
import type { NamespaceMiddleware } from '../../src/core/store-middleware.js';
import { startService } from '../../src/server.js';
import { StartError } from '../../src/start-error.js';
import { appendTo, loaded, newEvent, thing } from '../../src/testing/builders.js';
import { urlOf } from '../support/headwater.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';

const namespace = newSchemaName();
const other = newSchemaName();
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'middleware-'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  const database = openDatabase();
  for (const schema of [namespace, other])
    await database.query('append', `DROP SCHEMA IF EXISTS "${schema}" CASCADE`, []);
  await database.close();
});

/** Writes a module as an operator has it. */
function moduleOf(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
}

const configOf = (storeMiddleware = ''): Config =>
  loadConfig(
    { databaseUrl: urlOf(inject('connection')), namespace, storeMiddleware, grpcPort: 0, httpPort: 0 },
    undefined,
    {},
  ).config;

const logged: { readonly message: string; readonly fields: LogFields | undefined }[] = [];
const log = (message: string, fields?: LogFields) => {
  logged.push({ message, fields });
};
const logger: Logger = { debug: log, info: log, warn: log, error: log };

/** A running service with the middleware, and a connection to it. */
async function serving(storeMiddleware = '', embedded?: NamespaceMiddleware): Promise<Connection> {
  const service = await startService(
    configOf(storeMiddleware),
    logger,
    embedded === undefined ? {} : { storeMiddleware: embedded },
  );
  const connection = connect({ address: service.grpcAddress });
  onTestFinished(async () => {
    connection.close();
    await service.stop();
  });
  return connection;
}

const STAMP = `
export const middleware = [{
  name: 'stamp',
  beforeAppend: (event) => {
    if (event.eventType === 'Forbidden')
      throw Object.assign(new Error('Not here'), { reason: 'APPEND_REFUSED' });
    return { ...event, metadata: { ...event.metadata, stamped: (event.metadata?.stamped ?? '') + 'module ' } };
  },
}];
`;
const EACH = `
export const middleware = (namespace) => [{
  name: 'each',
  beforeAppend: (event) => ({ ...event, metadata: { namespace } }),
}];
`;

describe('a service with the middleware of an operator', () => {
  it('loads it from a module, inside of what an application hands in', async () => {
    const { eventStore } = await serving(moduleOf('stamp.mjs', STAMP), [
      { name: 'outer', beforeAppend: (event) => ({ ...event, metadata: { stamped: 'application ' } }) },
    ]);
    await eventStore.append(appendTo(thing('stamped'), newEvent()));
    const [event] = await loaded(eventStore, { scope: { kind: 'STREAM', stream: thing('stamped') } });
    expect(event?.metadata).toEqual({ stamped: 'application module ' });
  });

  it('is refused by a module that imports nothing of headwater', async () => {
    const { eventStore } = await serving(moduleOf('refusing.mjs', STAMP));
    await expect(
      eventStore.append(appendTo(thing('forbidden'), newEvent({ eventType: 'Forbidden' }))),
    ).rejects.toMatchObject({ reason: 'APPEND_REFUSED', middleware: 'stamp', message: 'Not here' });
  });

  it('may have other middleware for each namespace', async () => {
    const connection = await serving(moduleOf('each.mjs', EACH));
    await connection.namespaces.create(other);
    for (const name of [namespace, other]) {
      const { eventStore } = connection.namespace(name);
      await eventStore.append(appendTo(thing('each'), newEvent()));
      const [event] = await loaded(eventStore, { scope: { kind: 'STREAM', stream: thing('each') } });
      expect(event?.metadata).toEqual({ namespace: name });
    }
  });

  it('has it around the stores that an application in the same process uses, too', async () => {
    const service = await startService(configOf(), logger, {
      storeMiddleware: [{ name: 'mark', beforeAppend: (event) => ({ ...event, tags: ['marked'] }) }],
    });
    onTestFinished(() => service.stop());
    const { store } = service.namespaces.of(namespace);
    await store.append(appendTo(thing('embedded'), newEvent()));
    const [event] = await loaded(store, { scope: { kind: 'STREAM', stream: thing('embedded') } });
    expect(event?.tags).toEqual(['marked']);
    expect(service.namespaces.of(namespace).store).toBe(store);
  });

  it('logs what it fails with under an id, but not what it says', async () => {
    const { eventStore } = await serving('', () => [
      {
        name: 'broken',
        beforeAppend: () => {
          throw new TypeError('the secret of ada');
        },
      },
    ]);
    const failure = await eventStore
      .append(appendTo(thing('broken'), newEvent()))
      .catch((error: unknown) => error);
    const line = logged.find(({ message }) => message === 'A middleware failed');
    expect(line?.fields).toMatchObject({ middleware: 'broken', outcome: 'NOT_APPLIED', error: 'TypeError' });
    expect(failure).toMatchObject({ reason: 'INTERNAL', errorId: line?.fields?.['errorId'] });
    expect(JSON.stringify(logged)).not.toContain('secret');
  });

  it('logs what fails after the append', async () => {
    const { eventStore } = await serving('', [
      { name: 'late', afterAppend: () => Promise.reject(new Error('the secret of ada')) },
    ]);
    await eventStore.append(appendTo(thing('late'), newEvent()));
    expect(logged.at(-1)).toMatchObject({
      message: 'A middleware failed after its append was committed',
      fields: { middleware: 'late', error: 'Error' },
    });
    expect(JSON.stringify(logged)).not.toContain('secret');
  });
});

describe('a service does not start with middleware that', () => {
  it.each([
    ['is not there', undefined, /missing\.mjs cannot be loaded: Cannot find module/],
    ['is no JavaScript', 'export const middleware = [', /cannot be loaded: /],
    [
      'exports something else',
      'export const other = [];',
      /The export middleware of \S+ must be an array, or a function/,
    ],
    [
      'is no middleware',
      'export const middleware = [7];',
      /is no middleware of the store: \[0\] is number; its name/,
    ],
    [
      'has no name',
      'export const middleware = [{ onLoad: (event) => event }];',
      /\[0\] has no name; its name must be text/,
    ],
    [
      'has something that is no function',
      "export const middleware = [{ name: 'a', onLoad: true }];",
      /\[0\] has onLoad, which is boolean/,
    ],
    ['does nothing', "export const middleware = [{ name: 'a' }];", /\[0\] \(a\) does nothing/],
    [
      'cannot be made',
      "export const middleware = () => { throw new Error('No key'); };",
      /cannot be made for namespace t_\w+: No key/,
    ],
  ])('%s: one sentence says so', async (what, text, sentence) => {
    const name = text === undefined ? 'missing.mjs' : `${what.replaceAll(' ', '-')}.mjs`;
    const file = text === undefined ? path.join(folder, name) : moduleOf(name, text);
    const failure = await startService(configOf(file), logger).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StartError);
    expect((failure as Error).message).toMatch(sentence);
  });
});
