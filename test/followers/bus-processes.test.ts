import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { type Connection, connect, systemRuntime } from '../../src/index.js';
import { appendTo, newEvent, thing } from '../../src/testing/index.js';
import { headwater, type RunningService, serve, urlOf } from '../support/headwater.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';

const root = path.resolve(import.meta.dirname, '../..');
const namespace = newSchemaName();
let service: RunningService;
let connection: Connection;
beforeAll(async () => {
  service = await serve(['--namespace', namespace], urlOf(inject('connection')));
  connection = connect({ address: service.address });
});
afterAll(async () => {
  connection?.close();
  await service?.kill('SIGTERM');
  const database = openDatabase();
  await database.query('append', `DROP SCHEMA "${namespace}" CASCADE`, []);
  await database.close();
});

/** The bus of examples/message-bus.ts, in a process of its own. */
class BusProcess {
  readonly lines: string[] = [];
  readonly child: ChildProcess;

  constructor() {
    const code = `
      import { connect } from ${JSON.stringify(path.join(root, 'dist/src/index.js'))};
      import { startBus } from ${JSON.stringify(path.join(root, 'dist/examples/message-bus.js'))};
      const connection = connect({ address: ${JSON.stringify(service.address)} });
      const bus = startBus(connection, (line) => console.log(line));
      await bus.ready;
      console.log('ready');
      process.once('SIGTERM', async () => {
        await bus.close();
        connection.close();
      });`;
    this.child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let rest = '';
    this.child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      this.lines.push(...lines);
    });
  }

  /** Behind the colon of the lines that begin so. */
  of(what: string): readonly string[] {
    return this.lines.filter((line) => line.startsWith(what)).map((line) => line.split(': ')[1] ?? '');
  }
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await systemRuntime.sleep(20);
}

it('two processes share the work of one name, both get all as handlers, and a killed one loses nothing', async () => {
  // Compiles what is to be run.
  await headwater(['--version']);
  const [one, other] = [new BusProcess(), new BusProcess()];
  try {
    await until(() => [one, other].every(({ lines }) => lines.includes('ready')));
    await until(async () => {
      const { members } = await connection.consumerGroups.get('bus-mailer');
      return members.length === 2 && members.every(({ slots }) => slots === 32);
    });
    const placed: string[] = [];
    const place = async (count: number) => {
      for (let n = 0; n < count; n++) {
        const id = String(placed.push(String(placed.length)) - 1);
        await connection.eventStore.append(
          appendTo(thing(id, 'Order'), newEvent({ eventType: 'OrderPlaced' })),
        );
      }
    };
    await place(60);
    const mailed = () => [...one.of('mailed'), ...other.of('mailed')];
    await until(() => mailed().length >= 60 && [one, other].every((bus) => bus.of('dropped').length >= 60));
    expect(mailed().toSorted()).toEqual(placed.toSorted());
    expect(Math.min(one.of('mailed').length, other.of('mailed').length)).toBeGreaterThan(0);
    for (const bus of [one, other]) expect(bus.of('dropped')).toEqual(placed);

    one.child.kill('SIGKILL');
    await place(40);
    await until(() => new Set(mailed()).size === 100);

    other.child.kill('SIGTERM');
    const [code] = (await once(other.child, 'exit')) as [number | null];
    expect(code).toBe(0);
    await until(async () => (await connection.consumerGroups.get('bus-mailer')).members.length === 0);
  } finally {
    for (const { child } of [one, other]) if (child.exitCode === null) child.kill('SIGKILL');
  }
});
