import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { type Connection, connect } from '../../src/client/connect.js';
import { eventsOf } from '../../src/core/load.js';
import { type RunningService, serve, urlOf } from '../support/headwater.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';
import { accountCommands, expectAgreement } from './accounts.js';
import { goPrograms, type Program, type Programs, pythonPrograms, scratch } from './programs.js';
import { type Answer, busSender, programSender, type Sender } from './senders.js';

const schema = newSchemaName();
const { folder, remove } = scratch();
let service: RunningService;
let senders: Record<string, Sender>;
let workers: Record<string, Programs>;
let teller: Connection;

beforeAll(async () => {
  service = await serve(['--namespace', schema], urlOf(inject('connection')));
  const python = pythonPrograms(folder);
  const go = goPrograms(folder);
  workers = { Python: python, Go: go };
  teller = connectAs('teller');
  senders = {
    Python: programSender(python, service.address),
    Go: programSender(go, service.address),
    TypeScript: busSender(teller.commands),
  };
}, 300_000);
afterAll(async () => {
  teller.close();
  await service.kill('SIGTERM');
  const database = openDatabase();
  await database.query('append', `DROP SCHEMA "${schema}" CASCADE`, []);
  await database.close();
  remove();
});

describe.each([
  ['Python', 'Go'],
  ['Python', 'TypeScript'],
  ['Go', 'Python'],
  ['Go', 'TypeScript'],
])('a worker in %s, and commands from %s', (workerIn, commandsFrom) => {
  it('answers and log agree, each command done once, though the worker is killed and replaced midway', async () => {
    const { open, use } = accountCommands();
    const send = senders[commandsFrom];
    const programs = workers[workerIn];
    if (!send || !programs) throw new Error('Not built');
    const first = await startWorker(programs);
    const answers: Answer[] = [];
    for await (const answer of send(open)) answers.push(answer);
    let second: Promise<Program> | undefined;
    for await (const answer of send(use)) {
      answers.push(answer);
      if (answers.length === 80) second = first.kill().then(() => startWorker(programs));
    }
    await second;
    expect(use.length).toBe(200);
    expectAgreement([...open, ...use], answers, await logOf(new Set(open.map(({ account }) => account))));
  }, 60_000);
});

it.each(['Python', 'Go'])(
  'a policy that a worker in %s names refuses who is bound to another role',
  async (language) => {
    const programs = workers[language];
    if (!programs) throw new Error('Not built');
    await startWorker(programs);
    const auditor = connectAs('auditor');
    onTestFinished(() => auditor.close());
    const [open] = accountCommands().open;
    if (!open) throw new Error('No command');
    const answers: Answer[] = [];
    for await (const answer of busSender(auditor.commands)([open])) answers.push(answer);
    expect(answers).toEqual([{ id: open.id, reason: 'POLICY_DENIED', metadata: {} }]);
    expect(await logOf(new Set([open.account]))).toEqual([]);
  },
);

function connectAs(role: string): Connection {
  return connect({
    address: service.address,
    principal: { id: 'ada', bindings: [{ role, scope: 'bank' }] },
    timeoutMs: 30_000,
  });
}

async function startWorker(programs: Programs): Promise<Program> {
  const worker = programs.start('worker', service.address);
  onTestFinished(() => worker.kill());
  const patience = setTimeout(() => void worker.kill(), 20_000);
  const { value } = await worker.lines.next();
  clearTimeout(patience);
  expect(value, worker.stderr()).toBe('registered');
  return worker;
}

async function logOf(accounts: ReadonlySet<string>) {
  const found = [];
  for await (const event of eventsOf(
    teller.eventStore.load({ scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Account'] } }),
  ))
    if (accounts.has(event.stream.aggregateId)) found.push(event);
  return found;
}
