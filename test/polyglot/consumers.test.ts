import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, it, onTestFinished } from 'vitest';
import { type Connection, connect } from '../../src/client/connect.js';
import { untilTrue } from '../support/group-log.js';
import { type RunningService, serve, urlOf } from '../support/headwater.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';
import { type Program, type Programs, pythonPrograms, scratch } from './programs.js';

const schema = newSchemaName();
const { folder, remove } = scratch();
let service: RunningService;
let python: Programs;
let connection: Connection;

beforeAll(async () => {
  service = await serve(['--namespace', schema], urlOf(inject('connection')));
  python = pythonPrograms(folder);
  connection = connect({ address: service.address, timeoutMs: 30_000 });
}, 300_000);
afterAll(async () => {
  connection.close();
  await service.kill('SIGTERM');
  const database = openDatabase();
  await database.query('append', `DROP SCHEMA "${schema}" CASCADE`, []);
  await database.close();
  remove();
});

/** A group about one aggregate type of its own. */
async function newGroup(): Promise<string> {
  const group = randomUUID();
  await connection.consumerGroups.create({
    name: group,
    selection: { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: [group] } },
    settings: { retryDelayMs: 10 },
  });
  return group;
}

async function append(aggregateType: string, aggregateId: string, ...data: string[]): Promise<bigint[]> {
  const appended = await connection.eventStore.append({
    streams: [
      {
        stream: { aggregateType, aggregateId },
        expectedVersion: 'ANY',
        events: data.map((text) => ({ eventType: 'Noted', data: Buffer.from(text) })),
      },
    ],
  });
  if (appended.outcome !== 'APPENDED') throw new Error('Refused');
  return data.map((_, index) => appended.firstPosition + BigInt(index));
}

/** A consumer that has joined, and the lines that it prints from then on. */
async function startConsumer(group: string): Promise<{ program: Program; lines: string[] }> {
  const program = python.start('consumer', service.address, group);
  onTestFinished(() => program.kill());
  const lines: string[] = [];
  void (async () => {
    for await (const line of program.lines) lines.push(line);
  })().catch((error: unknown) => lines.push(String(error)));
  await untilTrue(async () => lines.includes('joined'), `the join; ${program.stderr()}`, 30_000);
  return { program, lines };
}

const handledIn = (lines: readonly string[]) => lines.filter((line) => line.startsWith('handled'));

it('Python consumes a group: acks, has tried again what failed, parks what is broken', async () => {
  const group = await newGroup();
  const { lines } = await startConsumer(group);
  await append(group, 'good', '{}', '{"fails":true}', '{}');
  const [, broken] = await append(group, 'bad', '{}', '{', '{}');
  await untilTrue(async () => handledIn(lines).length === 4, 'what can be handled');
  const brief = lines.map((line) => line.replace(/ \d+$/, ''));
  expect(brief.filter((line) => line.startsWith('handled good'))).toEqual([
    'handled good 1',
    'handled good 2',
    'handled good 3',
  ]);
  expect(brief.filter((line) => line.startsWith('handled bad'))).toEqual(['handled bad 1']);
  await untilTrue(
    async () => (await connection.consumerGroups.get(group)).parked === 1n,
    'the parked stream',
  );
  const { parked } = await connection.consumerGroups.listParked({ group });
  expect(parked).toMatchObject([{ position: broken, version: 2n, stream: { aggregateId: 'bad' } }]);
  expect(parked[0]?.reason).toContain('Expecting property name');
  expect(await connection.consumerGroups.replayParked({ group, skipFirst: true })).toBe(1n);
  await untilTrue(async () => handledIn(lines).length === 5, 'what was behind it');
  expect(lines.at(-1)).toMatch(/^handled bad 3 /);
}, 60_000);

it('a consumer process that is killed with kill -9 is replaced within seconds, and no event is lost', async () => {
  const group = await newGroup();
  const killed = await startConsumer(group);
  const positions: bigint[] = [];
  const appendSome = async () => {
    for (let index = 0; index < 40; index++) positions.push(...(await append(group, `s${index % 8}`, '{}')));
  };
  await appendSome();
  const heir = await startConsumer(group);
  const appending = appendSome();
  await untilTrue(async () => handledIn(killed.lines).length >= 40, 'work to be under way');
  await killed.program.kill();
  await appending;
  await appendSome();
  const handled = () =>
    new Set(handledIn([...killed.lines, ...heir.lines]).map((line) => BigInt(line.split(' ').at(-1) ?? '')));
  await untilTrue(async () => handled().size === positions.length, 'all events');
  await untilTrue(async () => (await connection.consumerGroups.get(group)).lag === 0n, 'no lag');
  const members = (await connection.consumerGroups.get(group)).members;
  expect(members.length).toBe(1);
  expect([...handled()].sort((a, b) => (a < b ? -1 : 1))).toEqual(positions);
}, 60_000);
