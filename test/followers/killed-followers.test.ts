import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { type Connection, connect } from '../../src/client/connect.js';
import { resolveLinks } from '../../src/projections/links.js';
import { appendTo, jsonOf, loaded, newEvent, thing } from '../../src/testing/builders.js';
import { type RunningService, serve, urlOf } from '../support/headwater.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';
import { until } from '../projections/followed-log.js';

const schema = newSchemaName();
const programs: ChildProcess[] = [];
let service: RunningService;
let connection: Connection;
beforeAll(async () => {
  service = await serve(['--namespace', schema], urlOf(inject('connection')));
  connection = connect({ address: service.address });
});
afterAll(async () => {
  for (const program of programs) program.kill('SIGKILL');
  connection.close();
  await service.kill('SIGTERM');
  const database = openDatabase();
  await database.query('append', `DROP SCHEMA "${schema}" CASCADE`, []);
  await database.close();
});

/** Runs the three followers in a process of their own. */
function follow(options: object): { readonly printed: () => string; kill(): Promise<void> } {
  const file = path.join(import.meta.dirname, 'followers.js');
  const words = JSON.stringify({ address: service.address, ...options });
  const program = spawn(process.execPath, [file, words], { stdio: ['ignore', 'pipe', 'inherit'] });
  programs.push(program);
  let printed = '';
  program.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  return {
    printed: () => printed,
    kill: async () => {
      program.kill('SIGKILL');
      await once(program, 'exit');
    },
  };
}

const ofType = (eventType: string) =>
  loaded(connection.eventStore, { filters: [{ eventTypes: [eventType] }] });
const positionOf = async (name: string) => (await connection.projections.get(name)).live.position.position;

it('followers that are killed between effect and checkpoint have had one effect, and deadlines come true after it', async () => {
  const { eventStore, projections } = connection;
  for (const id of ['late', 'never'])
    await eventStore.append(appendTo(thing(id, 'Account'), newEvent({ eventType: 'Opened' })));
  const killed = follow({ hangs: true, refuses: 1 });
  // The deadlines are kept.
  await until(async () => {
    const saved = await Promise.all(['thanks', 'index', 'balances'].map(positionOf)).catch(() => [0n]);
    return saved.every((position) => position >= 2n);
  });
  for (const amount of [1, 2, 3, 4])
    await eventStore.append(
      appendTo(thing(`a-${amount % 2}`, 'Account'), newEvent({ eventType: 'Deposited', json: { amount } })),
    );
  await until(async () => (await ofType('Sent')).length > 0 && (await ofType('Link')).length > 0);
  await until(() =>
    ['thanks', 'index', 'balances'].every((name) => killed.printed().includes(`hangs ${name}`)),
  );
  await killed.kill();
  expect(await Promise.all(['thanks', 'index', 'balances'].map(positionOf))).toEqual([2n, 2n, 2n]);
  expect(await ofType('Reminded')).toEqual([]);

  follow({ hangs: false, refuses: 1 });
  const last = { position: 6n };
  for (const name of ['thanks', 'index', 'balances'])
    await projections.waitFor(name, last, { timeoutMilliseconds: 25_000 });
  expect((await ofType('Sent')).map(jsonOf)).toEqual([1, 2, 3, 4].map((amount) => ({ amount })));
  const links = await ofType('Link');
  expect(await resolveLinks(eventStore, links)).toEqual(await ofType('Deposited'));

  await until(async () => (await ofType('Reminded')).length > 0);
  await until(async () => {
    const { state } = await projections.load({ name: 'thanks' });
    const kept = JSON.parse(new TextDecoder().decode(state)) as { deadlines: readonly { key: string }[] };
    return kept.deadlines.map(({ key }) => key).join() === 'never';
  });
  expect((await ofType('Reminded')).map(({ stream }) => stream.aggregateId)).toEqual(['late']);

  // 3 is refused, so one stands still, and the other has gone on.
  const { aggregates } = await projections.load({
    name: 'balances',
    streams: [thing('a-0', 'Account'), thing('a-1', 'Account')],
  });
  const stands = aggregates.map(({ stream, version, state, failure }) => ({
    id: stream.aggregateId,
    version,
    state: new TextDecoder().decode(state),
    error: failure?.error,
  }));
  expect(stands.sort((one, other) => (one.id < other.id ? -1 : 1))).toEqual([
    { id: 'a-0', version: 2n, state: '{"balance":6}', error: undefined },
    { id: 'a-1', version: 1n, state: '{"balance":1}', error: 'Error: not 3' },
  ]);
}, 120_000);

it('a reset with what was emitted deletes the streams, and emits them anew', async () => {
  const { eventStore, projections } = connection;
  const before = await ofType('Link');
  await projections.reset({ name: 'index', deleteEmitted: true });
  await until(async () => (await ofType('Link')).length === before.length * 2);
  const stream = thing('deposits', 'Index');
  const shown = await loaded(eventStore, { scope: { kind: 'STREAM', stream } });
  expect(shown.length).toBe(before.length);
  expect(await resolveLinks(eventStore, shown)).toEqual(await ofType('Deposited'));
});

it('an aggregate that failed is tried again by hand', async () => {
  const { projections } = connection;
  expect(await projections.retryAggregates({ name: 'balances' })).toBe(1n);
  const streams = [thing('a-1', 'Account')];
  await until(
    async () => (await projections.load({ name: 'balances', streams })).aggregates[0]?.version === 2n,
  );
  const { aggregates } = await projections.load({ name: 'balances', streams });
  expect(new TextDecoder().decode(aggregates[0]?.state)).toBe('{"balance":4}');
  expect((await projections.get('balances')).failedAggregates).toBe(0n);
});
