import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { startEmbeddedPostgres } from '../../src/embedded/index.js';
import { killNow, processes } from '../support/processes.js';
import { inOtherProcess } from './other-process.js';
import { afterThisTest, preparedFolder, scratch, serverStopped, until } from './scratch.js';

async function answerOf(host: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ host, user: 'headwater', database: 'postgres' });
  client.on('error', () => undefined);
  await client.connect();
  const { rows } = await client.query({ text: sql, rowMode: 'array' });
  await client.end();
  return rows.flat()[0];
}

async function startHere(dataDirectory: string): Promise<{ host: string; pid: number }> {
  const postgres = await startEmbeddedPostgres({ dataDirectory });
  afterThisTest(() => postgres.stop());
  return { host: postgres.socketDirectory, pid: postgres.pid };
}

/** Everything in the server's session: the postmaster and the watchdog; backends have sessions of their own. */
function inSessionOf(pid: number): readonly { pid: number; name: string }[] {
  return processes().filter(({ parent, session }) => session === pid || parent === pid);
}

function killAll(pids: readonly (number | undefined)[]): void {
  for (const pid of pids) if (pid !== undefined) killNow(pid);
}

describe('after kill -9 of the process that started it', () => {
  test('the server stops by itself, cleanly, and its watchdog with it', async () => {
    const dataDirectory = await preparedFolder();
    const other = inOtherProcess({ dataDirectory });
    const { pid = 0 } = await other.answer;
    expect(inSessionOf(pid).map(({ name }) => name)).toContain('sh');
    killAll([other.child.pid]);
    await until('the server has stopped', () => serverStopped(dataDirectory));
    await until('nothing of it is left', () => inSessionOf(pid).length === 0);
    const again = await startHere(dataDirectory);
    expect(await answerOf(again.host, 'select 1')).toBe(1);
  });

  test('another can start at once, while the former server is still there', async () => {
    const dataDirectory = await preparedFolder();
    const other = inOtherProcess({ dataDirectory });
    const { pid = 0, host = '' } = await other.answer;
    await answerOf(host, 'create table orphaned as select 42 as answer');
    // With the watchdog dead too, the server is a true orphan.
    killAll(inSessionOf(pid).flatMap(({ pid: id, name }) => (name === 'sh' ? [id] : [])));
    killAll([other.child.pid]);
    await other.ended;
    expect(serverStopped(dataDirectory)).toBe(false);
    const again = await startHere(dataDirectory);
    expect(again.pid).not.toBe(pid);
    expect(await answerOf(again.host, 'select answer from orphaned')).toBe(42);
  });

  test('and of the server and all its children, the next start recovers what was committed', async () => {
    const dataDirectory = await preparedFolder();
    const other = inOtherProcess({ dataDirectory });
    const { pid = 0, host = '' } = await other.answer;
    await answerOf(host, 'create table recovered as select generate_series(1, 1000) as n');
    killAll([other.child.pid, ...inSessionOf(pid).map((found) => found.pid)]);
    await other.ended;
    const again = await startHere(dataDirectory);
    expect(await answerOf(again.host, 'select count(*)::int from recovered')).toBe(1000);
  });

  test('a socket folder outside of the data folder is cleared away by the next start', async () => {
    const dataDirectory = await preparedFolder(join(await scratch(), 'long'.repeat(30)));
    const other = inOtherProcess({ dataDirectory });
    const { host = '' } = await other.answer;
    killAll([other.child.pid]);
    await until('the server has stopped', () => serverStopped(dataDirectory));
    expect(existsSync(host)).toBe(true);
    const again = await startHere(dataDirectory);
    expect(again.host).not.toBe(host);
    expect(existsSync(host)).toBe(false);
  });

  test('in the middle of making the database, the next start makes it, and nothing half-made stays', async () => {
    const dataDirectory = await scratch();
    const other = inOtherProcess({ dataDirectory });
    const unfinished = (): string[] =>
      readdirSync(dataDirectory).filter((name) => name.startsWith('postgres.initializing-'));
    await until('initdb has begun', () =>
      unfinished().some((name) => readdirSync(join(dataDirectory, name)).includes('base')),
    );
    killAll([other.child.pid]);
    await other.ended;
    expect(readdirSync(dataDirectory)).not.toContain('postgres');
    const again = await startHere(dataDirectory);
    expect(await answerOf(again.host, 'select 1')).toBe(1);
    expect(unfinished()).toEqual([]);
  });
});

test('after kill -9 of the postmaster alone, a start waits for statements that still run', async () => {
  const dataDirectory = await preparedFolder();
  const first = await startEmbeddedPostgres({ dataDirectory });
  const client = new pg.Client(first.connection);
  client.on('error', () => undefined);
  await client.connect();
  // A busy backend does not notice that its postmaster is gone until it next waits for something.
  const busy = client.query(`do $$ begin
    while clock_timestamp() < now() + interval '1.5 seconds' loop perform 1; end loop; end $$`);
  busy.catch(() => undefined);
  await new Promise((go) => setTimeout(go, 100));
  killAll([first.pid]);
  await first.exited;
  const again = await startHere(dataDirectory);
  expect(await answerOf(again.host, 'select 1')).toBe(1);
  await client.end().catch(() => undefined);
});
