import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Connection, connect, systemRuntime } from '../../src/index.js';
import { appendTo, newEvent, thing } from '../../src/testing/index.js';
import {
  type CommandResult,
  headwater,
  type RunningService,
  serve,
  spawnHeadwater,
  urlOf,
} from '../support/headwater.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';

const namespace = newSchemaName();
let service: RunningService;
let connection: Connection;
beforeAll(async () => {
  service = await serve(['--namespace', namespace], urlOf(inject('connection')));
  connection = connect({ address: service.address });
  for (let n = 1; n <= 3; n++)
    await connection.eventStore.append(
      appendTo(
        thing(String(n), 'Order'),
        newEvent({ eventType: 'OrderPlaced' }),
        newEvent({ eventType: 'OrderSent' }),
      ),
    );
});
afterAll(async () => {
  connection?.close();
  await service?.kill('SIGTERM');
  const database = openDatabase();
  await database.query('append', `DROP SCHEMA "${namespace}" CASCADE`, []);
  await database.close();
});

const group = (...words: readonly string[]): Promise<CommandResult> =>
  headwater(['group', ...words, '--address', service.address]);
const PLACED = { filters: [{ eventTypes: ['OrderPlaced'] }] };
const linesOf = ({ stdout }: CommandResult) =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await systemRuntime.sleep(20);
}

describe('headwater group', () => {
  it('creates a group once, and refuses another of the same name', async () => {
    const words = ['create', 'made', '--event-type', 'OrderPlaced', '--slots', '4', '--retry-delay', '50ms'];
    expect((await group(...words)).stdout).toBe('Group made is there\n');
    expect((await group(...words)).stdout).toBe('Group made is there already, and the same\n');
    const other = await group('create', 'made', '--event-type', 'OrderSent');
    expect(other.code).toBe(3);
    expect(other.stderr).toContain('(GROUP_EXISTS, NOT_APPLIED)');
    const [json] = linesOf(await group('get', 'made', '--json'));
    expect(json).toMatchObject({
      name: 'made',
      selection: { filters: [{ event_types: ['OrderPlaced'] }] },
      settings: { ack_timeout_ms: 60_000, max_attempts: 10, retry_delay_ms: 50, max_retry_delay_ms: 60_000 },
      slots: 4,
      position: '0',
      lag: '6',
      parked: '0',
      members: [],
    });
  });

  it('changes what is named and leaves the rest', async () => {
    await connection.consumerGroups.create({
      name: 'changed',
      selection: { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Order'] } },
      settings: { maxAttempts: 3 },
    });
    expect((await group('update', 'changed', '--ack-timeout', '5m')).stdout).toBe(
      'Group changed is changed\n',
    );
    expect(await connection.consumerGroups.get('changed')).toMatchObject({
      group: {
        selection: { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Order'] } },
        settings: { ackTimeoutMs: 300_000, maxAttempts: 3 },
      },
    });
    const [json] = linesOf(await group('update', 'changed', '--all', '--json'));
    expect(json).toMatchObject({ selection: {}, settings: { max_attempts: 3 } });
  });

  it('lists groups by name, as a table and as JSON lines', async () => {
    for (const [name, selection] of [
      ['listed-b', { filters: [{ eventTypes: ['OrderPlaced', 'OrderSent'] }] }],
      ['listed-a', { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Order'] } }],
    ] as const)
      await connection.consumerGroups.create({ name, selection });
    const { stdout } = await group('list');
    expect(stdout).toMatch(/^group +slots +ack timeout +attempts +created +about\n/);
    expect(stdout).toMatch(
      /\nlisted-a +64 +1m +10 .* all events of Order\nlisted-b .* OrderPlaced, OrderSent\n/,
    );
    const names = linesOf(await group('list', '--json')).map(({ name }) => String(name));
    expect(names.filter((name) => name.startsWith('listed'))).toEqual(['listed-a', 'listed-b']);
  });

  it('tells how a group is doing, members and all', async () => {
    await connection.consumerGroups.create({ name: 'watched' });
    const stop = new AbortController();
    const membership = await connection.consumerGroups.join(
      { group: 'watched', memberName: 'test' },
      { signal: stop.signal },
    );
    const { stdout } = await group('get', 'watched');
    expect(stdout).toMatch(
      /^group {7}watched\nabout {7}all events\nposition {4}0@1\nlag {9}6\nparked {6}0 streams\n/,
    );
    expect(stdout).toContain('attempts    10, 0.2s to 1m apart\n');
    expect(stdout).toMatch(
      new RegExp(`\nmember +slots +joined +name\n${membership.memberId} +\\d+ .* test\n$`),
    );
    stop.abort();
  });

  it('prints and acks as a member, so many events, and no more', async () => {
    await connection.consumerGroups.create({ name: 'consumed', selection: PLACED, slots: 1 });
    const first = linesOf(await group('consume', 'consumed', '--count', '2', '--json'));
    expect(first.map(({ stream }) => stream)).toEqual([
      { aggregate_type: 'Order', aggregate_id: '1' },
      { aggregate_type: 'Order', aggregate_id: '2' },
    ]);
    const { stdout, code } = await group('consume', 'consumed', '--count', '1');
    expect(stdout).toMatch(/^position .*\n5 .* Order\/3 .* OrderPlaced/);
    expect(code).toBe(0);
  });

  it('consumes until Ctrl-C, which ends it with 130 and leaves nothing behind', async () => {
    await connection.consumerGroups.create({ name: 'interrupted', start: { kind: 'END' } });
    const child = spawnHeadwater(['group', 'consume', 'interrupted', '--address', service.address]);
    const members = async () =>
      (await connection.consumerGroups.get('interrupted')).members.map(({ name }) => name);
    await until(async () => (await members()).length === 1);
    expect(await members()).toEqual(['headwater group consume']);
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([130, null]);
    await until(async () => (await members()).length === 0);
  });

  it('parks, shows what is parked and why, and has it tried again', async () => {
    await connection.consumerGroups.create({ name: 'parking', selection: PLACED, slots: 1 });
    await group('consume', 'parking', '--park', '--count', '2');
    const { stdout } = await group('parked', 'parking');
    expect(stdout).toMatch(/^position +stream +version +event type +attempts +parked +replaying +reason\n/);
    expect(stdout).toMatch(/\n1 +Order\/1 +1 +OrderPlaced +1 .* Parked: by hand\n3 +Order\/2 /);
    const json = linesOf(await group('parked', 'parking', '--json'));
    expect(json.map(({ position, replaying }) => [position, replaying])).toEqual([
      ['1', false],
      ['3', false],
    ]);
    const replayed = await group('replay', 'parking', '--stream', 'Order/1');
    expect(replayed.stdout).toBe('1 stream is to be tried again\n');
    expect((await group('replay', 'parking', '--stream', 'Order/2', '--skip-first')).code).toBe(0);
    const tried = linesOf(await group('consume', 'parking', '--count', '2', '--json'));
    expect(tried.map(({ position }) => String(position)).toSorted()).toEqual(['1', '5']);
    await until(async () => (await connection.consumerGroups.get('parking')).parked === 0n);
  });

  it('moves a group only when that is confirmed, and says where to', async () => {
    await connection.consumerGroups.create({ name: 'moved' });
    const refused = await group('reset', 'moved', '--from-end');
    expect(refused.code).toBe(6);
    expect(refused.stderr).toContain(
      'Group moved will be moved: its place at position 0 and 0 parked streams are forgotten',
    );
    expect((await group('reset', 'moved', '--after', '2', '--yes')).stdout).toBe(
      'Group moved goes on behind position 2\n',
    );
    const [json] = linesOf(await group('reset', 'moved', '--from-end', '--yes', '--json'));
    expect(json).toEqual({ name: 'moved', position: '6', epoch: '1' });
  });

  it('deletes a group only when that is confirmed', async () => {
    await connection.consumerGroups.create({ name: 'deleted' });
    expect((await group('delete', 'deleted')).code).toBe(6);
    expect((await group('delete', 'deleted', '--yes')).stdout).toBe('Group deleted is gone\n');
    const gone = await group('get', 'deleted');
    expect(gone.code).toBe(4);
    expect(gone.stderr).toBe('headwater: Consumer group deleted does not exist\n(GROUP_NOT_FOUND)\n');
    expect((await group('consume', 'deleted')).code).toBe(4);
  });
});

it('says what is wrong with its flags', async () => {
  const cases = [
    ['create x --from-start --from-end', 'only one can stand'],
    ['create x --ack-timeout soon', '--ack-timeout "soon" is no duration'],
    ['create x --slots 0', 'slots: is 0'],
    ['update x', 'Say what to change'],
    ['update x --all --event-type A', '--all is about every event'],
    ['reset x --yes', 'Say where to'],
    ['replay x --skip-first', 'name the --stream'],
  ] as const;
  for (const [words, says] of cases) {
    const { code, stderr } = await group(...words.split(' '));
    expect(stderr).toContain(says);
    expect(code).toBe(2);
  }
});
