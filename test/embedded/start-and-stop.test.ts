import { existsSync, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from '../../src/embedded/index.js';
import { inOtherProcess } from './other-process.js';
import { afterThisTest, preparedFolder, scratch, serverStopped, until } from './scratch.js';

async function start(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres(options);
  afterThisTest(() => postgres.stop());
  return postgres;
}

async function rows(postgres: EmbeddedPostgres, sql: string): Promise<unknown[]> {
  const client = new pg.Client(postgres.connection);
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows;
  } finally {
    await client.end();
  }
}

const setting = async (postgres: EmbeddedPostgres, name: string): Promise<unknown> =>
  (await rows(postgres, `select current_setting('${name}')`)).flat()[0];

describe('the first start on a new folder', () => {
  test('makes the folder and a UTF8 database that keeps what is committed', async () => {
    const dataDirectory = join(await scratch(), 'deep', 'data');
    const postgres = await start({ dataDirectory });
    expect(await rows(postgres, 'select 1 + 1')).toEqual([[2]]);
    expect(await setting(postgres, 'server_encoding')).toBe('UTF8');
    expect(await setting(postgres, 'server_version')).toBe(postgres.serverVersion);
    for (const name of ['fsync', 'full_page_writes', 'synchronous_commit']) {
      expect(await setting(postgres, name), name).toBe('on');
    }
  });

  test('opens no port, only a socket in a folder that other users cannot enter', async () => {
    const postgres = await start({ dataDirectory: await scratch() });
    expect(await setting(postgres, 'listen_addresses')).toBe('');
    expect((await stat(postgres.socketDirectory)).mode & 0o777).toBe(0o700);
    expect((await stat(join(postgres.dataDirectory, 'postgres'))).mode & 0o777).toBe(0o700);
  });

  test('puts the socket into a short private folder when the path is too long, and removes it on stop', async () => {
    const dataDirectory = await preparedFolder(join(await scratch(), 'long'.repeat(30)));
    const postgres = await start({ dataDirectory });
    expect(postgres.socketDirectory.length).toBeLessThan(60);
    expect((await stat(postgres.socketDirectory)).mode & 0o777).toBe(0o700);
    expect(await rows(postgres, 'select 1')).toEqual([[1]]);
    await postgres.stop();
    expect(existsSync(postgres.socketDirectory)).toBe(false);
  });

  test('works in a folder whose name has spaces, commas, quotes and letters of other scripts', async () => {
    const postgres = await start({
      dataDirectory: await preparedFolder(join(await scratch(), ` a, "b" 'c' ünï日本 `)),
    });
    expect(await rows(postgres, 'select 1')).toEqual([[1]]);
  });
});

describe('settings', () => {
  test('are handed to the server, beside ours for a small machine', async () => {
    const postgres = await start({ dataDirectory: await preparedFolder(), settings: { work_mem: '7MB' } });
    expect(await setting(postgres, 'work_mem')).toBe('7MB');
    expect(await setting(postgres, 'max_connections')).toBe('100');
    expect(await setting(postgres, 'client_connection_check_interval')).toBe('1s');
  });

  test('that would open the server to others are refused before anything is made', async () => {
    const dataDirectory = join(await scratch(), 'data');
    await expect(
      startEmbeddedPostgres({ dataDirectory, settings: { 'Listen-Addresses': '*' } }),
    ).rejects.toThrow(TypeError);
    expect(existsSync(dataDirectory)).toBe(false);
  });

  test('that Postgres refuses end the start in its own words', async () => {
    const dataDirectory = await preparedFolder();
    const failed = startEmbeddedPostgres({ dataDirectory, settings: { work_mem: 'plenty' } });
    await expect(failed).rejects.toMatchObject({
      reason: 'START_FAILED',
      message: expect.stringContaining('invalid value for parameter "work_mem"'),
    });
    expect(await rows(await start({ dataDirectory }), 'select 1')).toEqual([[1]]);
  });
});

test('a server that is not ready in time is stopped again, and the folder is free', async () => {
  const dataDirectory = await preparedFolder();
  await expect(startEmbeddedPostgres({ dataDirectory, startTimeoutMs: 0 })).rejects.toMatchObject({
    reason: 'START_TIMED_OUT',
    message: expect.stringContaining('allow it more time with startTimeoutMs'),
  });
  expect(serverStopped(dataDirectory)).toBe(true);
  expect(await rows(await start({ dataDirectory }), 'select 1')).toEqual([[1]]);
});

describe('stopping', () => {
  test('can be asked for often and at once, ends open sessions, and tells by exited', async () => {
    const postgres = await start({ dataDirectory: await preparedFolder() });
    const idle = new pg.Client(postgres.connection);
    idle.on('error', () => undefined);
    await idle.connect();
    await Promise.all([postgres.stop(), postgres.stop()]);
    await postgres.stop();
    expect(await postgres.exited).toEqual({ code: 0, signal: null });
    expect(serverStopped(postgres.dataDirectory)).toBe(true);
  });

  test('and starting can be repeated, and the data stay', async () => {
    const dataDirectory = await preparedFolder();
    const first = await start({ dataDirectory });
    await rows(first, 'create table kept as select 42 as answer');
    for (let round = 0; round < 3; round++) {
      const again = await start({ dataDirectory }).catch(async (error: unknown) => {
        expect(error).toMatchObject({ reason: 'IN_USE' });
        await first.stop();
        return start({ dataDirectory });
      });
      expect(await rows(again, 'select answer from kept')).toEqual([[42]]);
      await again.stop();
    }
  });

  test('by itself is told by exited, with the folder free for another start', async () => {
    const dataDirectory = await preparedFolder();
    const postgres = await start({ dataDirectory });
    process.kill(postgres.pid, 'SIGKILL');
    expect(await postgres.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await postgres.stop();
    expect(await rows(await start({ dataDirectory }), 'select 1')).toEqual([[1]]);
  });

  test('comes with the end of a process that forgot it, which the server does not hold up', async () => {
    const dataDirectory = await preparedFolder();
    const other = inOtherProcess({ dataDirectory, afterwards: 'process.stdin.destroy();' });
    expect(await other.answer).toHaveProperty('pid');
    await other.ended;
    await until('the server has stopped', () => serverStopped(dataDirectory));
  });

  test('does not come from Ctrl-C at the terminal, so that the process can drain first', async () => {
    const dataDirectory = await preparedFolder();
    const other = inOtherProcess({ dataDirectory });
    const { pid = 0 } = await other.answer;
    process.kill(-(other.child.pid ?? 0), 'SIGINT');
    await new Promise((go) => setTimeout(go, 200));
    expect(process.kill(pid, 0)).toBe(true);
    await other.stop();
    expect(serverStopped(dataDirectory)).toBe(true);
  });
});

test('what the server logs goes to a file and to onLog', async () => {
  const lines: string[] = [];
  const postgres = await start({ dataDirectory: await preparedFolder(), onLog: (line) => lines.push(line) });
  await rows(postgres, 'checkpoint');
  await postgres.stop();
  expect(lines.join('\n')).toContain('ready to accept connections');
  const file = readFileSync(join(postgres.dataDirectory, 'postgres.log'), 'utf8');
  expect(file).toContain('database system is shut down');
});
