import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { startEmbeddedPostgres } from '../../src/embedded/index.js';
import { findObstacle } from '../../src/embedded/reachability.js';
import { chooseRunUser } from '../../src/embedded/run-user.js';
import { inOtherProcess, installInto } from './other-process.js';
import { afterThisTest, isRoot, preparedFolder, scratch } from './scratch.js';

const passwd = `root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
ann:x:1000:1001::/home/ann:/bin/sh
postgres:x:101:104::/var/lib/postgresql:/bin/bash
`;
const without = (name: string, from = passwd): string =>
  from
    .split('\n')
    .filter((line) => !line.startsWith(`${name}:`))
    .join('\n');

describe('the user that the server runs as', () => {
  test('is the one that starts it, unless that is root', () => {
    expect(chooseRunUser(1000, [0], passwd)).toBeUndefined();
    expect(chooseRunUser(undefined, [], '')).toBeUndefined();
  });

  test('is for root the owner of the data, if they have a name', () => {
    expect(chooseRunUser(0, [1000, 101], passwd)).toEqual({ name: 'ann', uid: 1000, gid: 1001 });
    expect(chooseRunUser(0, [undefined, 1000], passwd)).toMatchObject({ name: 'ann' });
    expect(chooseRunUser(0, [4711, 0], passwd)).toMatchObject({ name: 'postgres' });
  });

  test('is else postgres, else nobody, else the first there is', () => {
    const noPostgres = without('postgres');
    expect(chooseRunUser(0, [0, 0], passwd)).toMatchObject({ name: 'postgres' });
    expect(chooseRunUser(0, [], noPostgres)).toMatchObject({ name: 'nobody' });
    expect(chooseRunUser(0, [], without('nobody', noPostgres))).toMatchObject({ name: 'daemon' });
  });

  test('is asked for when there is none', () => {
    expect(() => chooseRunUser(0, [], 'root:x:0:0::/:/bin/sh\n')).toThrow(
      expect.objectContaining({ reason: 'NOT_SUPPORTED', message: expect.stringContaining('DATABASE_URL') }),
    );
  });
});

test.runIf(isRoot)('a folder that a user cannot pass is found by its name', async () => {
  const root = await scratch();
  const closed = join(root, 'closed');
  const below = join(closed, 'open');
  mkdirSync(below, { recursive: true });
  chmodSync(closed, 0o700);
  const ann = { name: 'ann', uid: 1000, gid: 1001 };
  expect(findObstacle(root, ann)).toBeUndefined();
  expect(findObstacle(below, ann)).toBe(closed);
  chownSync(closed, 1000, 0);
  expect(findObstacle(below, ann)).toBeUndefined();
  chmodSync(closed, 0o071);
  expect(findObstacle(below, ann)).toBe(closed);
});

/** User and group that a process runs as. */
function userOf(pid: number): { uid: number; groups: string } {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const field = (name: string): string =>
    new RegExp(`^${name}:\\s*?(\\S.*?)?\\s*?$`, 'm').exec(status)?.[1] ?? '';
  return { uid: Number(field('Uid').split('\t')[1]), groups: field('Groups') };
}

async function ask(host: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ host, user: 'headwater', database: 'postgres' });
  await client.connect();
  const { rows } = await client.query({ text: sql, rowMode: 'array' });
  await client.end();
  return rows.flat()[0];
}

describe.runIf(isRoot)('root', () => {
  test('has the server run by another user, to whom a database that root copied is handed', async () => {
    const dataDirectory = await preparedFolder();
    const first = await startEmbeddedPostgres({ dataDirectory });
    expect(userOf(first.pid)).toMatchObject({ groups: '' });
    expect(userOf(first.pid).uid).not.toBe(0);
    await ask(first.socketDirectory, 'create table kept as select 42 as answer');
    await first.stop();
    execFileSync('chown', ['-R', '0:0', dataDirectory]);
    const again = await startEmbeddedPostgres({ dataDirectory });
    afterThisTest(() => again.stop());
    expect(await ask(again.socketDirectory, 'select answer from kept')).toBe(42);
  });

  test('leaves the data to the user who owns the folder', async () => {
    const dataDirectory = join(await scratch(), 'data');
    mkdirSync(dataDirectory);
    chownSync(dataDirectory, 65534, 65534);
    const postgres = await startEmbeddedPostgres({ dataDirectory });
    afterThisTest(() => postgres.stop());
    expect(userOf(postgres.pid).uid).toBe(65534);
    expect(statSync(join(dataDirectory, 'postgres')).uid).toBe(65534);
  });

  test('can have code and data below a home that nobody else can enter', async () => {
    const home = await scratch();
    const code = installInto(home);
    chmodSync(home, 0o700);
    const other = inOtherProcess({ dataDirectory: join(home, 'data'), code });
    const { pid = 0, host = '', message } = await other.answer;
    expect(message).toBeUndefined();
    expect(userOf(pid).uid).not.toBe(0);
    expect(await ask(host, 'select count(*) > 0 from pg_timezone_names')).toBe(true);
    other.child.kill('SIGKILL');
    await expect.poll(() => alive(pid)).toBe(false);
  });

  test('can do so too with no more than what a container commonly has', async () => {
    const home = await scratch();
    const code = installInto(home);
    chmodSync(home, 0o700);
    const bounds = '-all,+chown,+dac_override,+fowner,+kill,+setgid,+setuid,+setpcap';
    const prefix = ['setpriv', `--bounding-set=${bounds}`];
    const other = inOtherProcess({ dataDirectory: join(home, 'data'), code, prefix });
    const { host = '', message } = await other.answer;
    expect(message).toBeUndefined();
    expect(await ask(host, 'select 1')).toBe(1);
  });

  test('is told what to open when it may not do that', async () => {
    const home = await scratch();
    const code = installInto(home);
    chmodSync(home, 0o700);
    const prefix = ['setpriv', '--bounding-set=-dac_override,-dac_read_search'];
    const other = inOtherProcess({ dataDirectory: join(home, 'data'), code, prefix });
    expect(await other.answer).toMatchObject({
      reason: 'NOT_SUPPORTED',
      message: expect.stringContaining(`who cannot get past ${home}: open that folder to others (chmod o+x)`),
    });
  });

  test('without the right to become somebody else is told so', async () => {
    const dataDirectory = join(await scratch(), 'data');
    const other = inOtherProcess({ dataDirectory, prefix: ['setpriv', '--bounding-set=-setuid'] });
    expect(await other.answer).toMatchObject({
      reason: 'NOT_SUPPORTED',
      message: expect.stringMatching(/^Cannot start .*initdb as .* by \/bin\/sh \(spawn .*EPERM\)/),
    });
  });

  test('does without a postgres user', async () => {
    const folder = await scratch();
    writeFileSync(join(folder, 'passwd'), without('postgres'));
    const prefix = ['unshare', '-m', 'sh', '-c'];
    prefix.push(`mount --bind ${join(folder, 'passwd')} /etc/passwd && exec "$@"`, 'sh');
    const other = inOtherProcess({ dataDirectory: join(folder, 'data'), prefix });
    const { pid = 0, host = '', message } = await other.answer;
    expect(message).toBeUndefined();
    expect(userOf(pid).uid).toBe(65534);
    expect(await ask(host, 'select 1')).toBe(1);
  });
});

describe.runIf(isRoot)('a plain user', () => {
  const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];

  test('needs no more than a folder to write to: node_modules may be read-only and install scripts blocked', async () => {
    const code = installInto(await scratch());
    const folder = await scratch();
    chownSync(folder, 65534, 65534);
    const other = inOtherProcess({ dataDirectory: join(folder, 'data'), code, prefix: nobody });
    const { pid = 0, host = '', message } = await other.answer;
    expect(message).toBeUndefined();
    expect(userOf(pid).uid).toBe(65534);
    expect(statSync(join(folder, 'data')).mode & 0o777).toBe(0o700);
    expect(await ask(host, 'select 1')).toBe(1);
    await other.stop();

    // And root after them, and they after root: the data stay theirs.
    const rooted = await startEmbeddedPostgres({ dataDirectory: join(folder, 'data') });
    expect(userOf(rooted.pid).uid).toBe(65534);
    await rooted.stop();
    const again = inOtherProcess({ dataDirectory: join(folder, 'data'), code, prefix: nobody });
    expect(await again.answer).toHaveProperty('pid');
  });

  test('without a name is told that one is needed', async () => {
    const folder = await scratch();
    chownSync(folder, 4711, 4711);
    const prefix = ['setpriv', '--reuid=4711', '--regid=4711', '--clear-groups'];
    const other = inOtherProcess({ dataDirectory: join(folder, 'data'), prefix });
    expect(await other.answer).toMatchObject({
      reason: 'NOT_SUPPORTED',
      message: expect.stringContaining('/etc/passwd has none for user 4711'),
    });
  });
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
