import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { connect } from '../../src/client/connect.js';
import { headwater, serve, urlOf } from '../support/headwater.js';
import { childrenOf, killNow } from '../support/processes.js';
import { startServiceProcess } from '../support/service-process.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';

let folder: string;
beforeAll(() => {
  const scratch = path.resolve(import.meta.dirname, '../../.headwater-test');
  mkdirSync(scratch, { recursive: true });
  folder = mkdtempSync(path.join(scratch, 'serve-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const status = async (url: string) => (await fetch(url)).status;
const event = { eventType: 'Happened', data: Buffer.from('{}'), contentType: 'application/json' };
const append = (aggregateId: string) => ({
  streams: [
    { stream: { aggregateType: 'Thing', aggregateId }, expectedVersion: 'ANY' as const, events: [event] },
  ],
});

describe('serve on the embedded Postgres', () => {
  it('keeps the data over a restart, and over kill -9 of everything', async () => {
    const data = path.join(folder, 'kept');
    for (const [round, signal] of (['SIGTERM', 'SIGKILL', 'SIGTERM'] as const).entries()) {
      const service = await serve(['--data', data]);
      const connection = connect({ address: service.address });
      const { lastPosition } = await connection.eventStore.append(append('a'));
      expect(lastPosition).toBe(BigInt(round + 1));
      connection.close();
      const { code } = await service.kill(signal);
      if (signal === 'SIGTERM') expect(code).toBe(0);
    }
  });

  it('brings its Postgres back when that is killed, and health follows', async () => {
    const service = await serve(['--data', path.join(folder, 'killed')]);
    const connection = connect({ address: service.address, timeoutMs: 20_000 });
    try {
      await connection.eventStore.append(append('before'));
      expect(await status(`${service.http}/readyz`)).toBe(200);
      for (const pid of childrenOf(service.pid)) killNow(pid);
      // Until it is seen to be gone, a backend that has not heard of its postmaster's end may still append.
      await expect.poll(service.logged).toContain('The embedded Postgres has ended; starting it again');
      const { lastPosition } = await connection.eventStore.append(append('after'));
      expect(lastPosition).toBe(2n);
      await expect.poll(() => status(`${service.http}/readyz`), { timeout: 10_000 }).toBe(200);
    } finally {
      connection.close();
      const { code } = await service.kill('SIGTERM');
      expect(code).toBe(0);
    }
  });

  it('says how to look into it with psql', async () => {
    const data = path.join(folder, "ada's data");
    const service = await startServiceProcess({ flags: ['--data', data] });
    try {
      const [, psql = ''] = /^ {2}SQL +(psql .+)$/m.exec(service.stdout()) ?? [];
      const { PGOPTIONS: _, ...env } = process.env;
      const shown = execFileSync(
        '/bin/sh',
        ['-c', `${psql} -XAtc 'SELECT position FROM headwater.log_head'`],
        {
          env,
          encoding: 'utf8',
        },
      );
      expect(shown).toBe('0\n');
    } finally {
      await service.drain();
    }
  });

  it('refuses a second instance on the same data in one sentence', async () => {
    const data = path.join(folder, 'twice');
    const service = await serve(['--data', data]);
    try {
      const { code, stderr } = await headwater([
        'serve',
        '--data',
        data,
        '--grpc-port',
        '0',
        '--http-port',
        '0',
      ]);
      expect(code).toBe(1);
      expect(stderr).toContain(`${service.pid}`);
      expect(stderr.trim().split('\n')).toHaveLength(1);
    } finally {
      await service.kill('SIGTERM');
    }
  });
});

describe('serve on DATABASE_URL', () => {
  it('uses the schema that is named, and drains on SIGTERM without losing what was under way', async () => {
    const schema = newSchemaName();
    const service = await serve(['--namespace', schema], urlOf(inject('connection')));
    const connection = connect({ address: service.address, timeoutMs: 1000 });
    expect(await status(`${service.http}/readyz`)).toBe(200);
    expect(await status(`${service.http}/livez`)).toBe(200);
    expect(await status(`${service.http}/nowhere`)).toBe(404);
    expect(await connection.info()).toMatchObject({ namespace: schema, limits: { appendEvents: 1000 } });
    const pending = Promise.allSettled(
      Array.from({ length: 500 }, (_, index) => connection.eventStore.append(append(`s${index}`))),
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
    const { code } = await service.kill('SIGTERM');
    expect(code).toBe(0);
    const acked = (await pending).filter(({ status: one }) => one === 'fulfilled').length;
    connection.close();
    const database = openDatabase();
    const [[count] = []] = await database.query('read', `SELECT count(*) FROM "${schema}".events`, []);
    expect(Number(count)).toBeGreaterThanOrEqual(acked);
    await database.query('append', `DROP SCHEMA "${schema}" CASCADE`, []);
    await database.close();
  });
});

describe('a log whose newest time is ahead of the clock', () => {
  it('is told of by health and log, and its times still do not run backwards', async () => {
    const schema = newSchemaName();
    const service = await serve(['--namespace', schema], urlOf(inject('connection')));
    const database = openDatabase();
    await database.query(
      'append',
      `UPDATE "${schema}".log_head SET recorded_at = clock_timestamp() + interval '1 hour'`,
      [],
    );
    const health = async () => (await (await fetch(`${service.http}/readyz`)).json()) as object;
    await expect.poll(health).toMatchObject({
      status: 'SERVING',
      headAheadSeconds: expect.closeTo(3595, -2) as number,
    });
    const connection = connect({ address: service.address });
    const { recordedAt = 0n } = await connection.eventStore.append(append('ahead'));
    expect(Number(recordedAt) / 1e6).toBeGreaterThan(Date.now() / 1e3 + 3000);
    connection.close();
    const { stderr } = await service.kill('SIGTERM');
    expect(stderr).toContain("ahead of the database's clock");
    await database.query('append', `DROP SCHEMA "${schema}" CASCADE`, []);
    await database.close();
  });
});

describe('serve that cannot start', () => {
  const fails = async (args: readonly string[], message: RegExp, env: Record<string, string> = {}) => {
    const { code, stderr, stdout } = await headwater(
      ['serve', '--grpc-port', '0', '--http-port', '0', ...args],
      { env },
    );
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stdout).toBe('');
    expect(code).toBe(1);
  };

  it('says so when the database does not answer', () =>
    fails([], /^headwater: The database 127\.0\.0\.1:1\/x cannot be reached .*check that it runs/, {
      DATABASE_URL: 'postgres://u:secret@127.0.0.1:1/x',
    }));

  it('says so when the schema is somebody else’s', async () => {
    const schema = newSchemaName();
    const database = openDatabase();
    await database.query('append', `CREATE SCHEMA "${schema}" CREATE TABLE theirs (id integer)`, []);
    await fails(['--namespace', schema], /was not made by Headwater: choose another with --namespace/, {
      DATABASE_URL: urlOf(inject('connection')),
    });
    await database.query('append', `DROP SCHEMA "${schema}" CASCADE`, []);
    await database.close();
  });

  it.each(['--grpc-port', '--http-port'])('says so when the port of %s is taken', async (flag) => {
    const taken = net.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as net.AddressInfo;
    await fails([flag, `${port}`, '--data', path.join(folder, 'port')], new RegExp(`${port}.*${flag}`));
    taken.close();
  });

  it('says so when the data folder cannot be written', async () => {
    const data = path.join(folder, 'file');
    writeFileSync(data, '');
    chmodSync(data, 0o444);
    await fails(['--data', data], /--data|another folder|folder/);
  });

  it('says so when the data folder is below /proc, where none can be made', () =>
    fails(['--data', '/proc/headwater'], /\/proc\/headwater/));

  it('says so when others could reach it and nobody is authenticated', () =>
    fails(['--grpc-host', '0.0.0.0'], /--allow-unauthenticated/));
});
