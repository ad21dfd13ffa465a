import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { startEmbeddedPostgres } from '../../src/embedded/index.js';
import { startHeartbeat } from '../../src/embedded/heartbeat.js';
import { takeOwnerLock } from '../../src/embedded/owner-lock.js';
import { identifyProcess, isRunning } from '../../src/embedded/process-identity.js';
import { compiled, inOtherProcess } from './other-process.js';
import { afterThisTest, isRoot, preparedFolder, scratch } from './scratch.js';

describe('a folder in use', () => {
  test('by another process is refused with its number and what to do', async () => {
    const dataDirectory = await preparedFolder();
    const other = inOtherProcess({ dataDirectory });
    await other.answer;
    await expect(startEmbeddedPostgres({ dataDirectory })).rejects.toMatchObject({
      name: 'EmbeddedPostgresError',
      reason: 'IN_USE',
      message: `The data folder ${dataDirectory} is in use by process ${other.child.pid}: connect to the server that runs there, stop it, or choose another --data folder`,
    });
  });

  test('is won by exactly one of several processes that start at the same moment', async () => {
    const dataDirectory = await scratch();
    const others = Array.from({ length: 4 }, () => inOtherProcess({ dataDirectory }));
    const answers = await Promise.all(others.map((other) => other.answer));
    expect(answers.filter((answer) => answer.pid !== undefined)).toHaveLength(1);
    expect(answers.filter((answer) => answer.reason === 'IN_USE')).toHaveLength(3);
  });

  test('by a server that somebody started by hand is refused with its number, and the server left alone', async () => {
    const dataDirectory = await preparedFolder();
    const other = inOtherProcess({ dataDirectory });
    const { pid = 0 } = await other.answer;
    // As if it had not been us: no owner, and a socket somewhere else.
    const owner = join(dataDirectory, 'owner');
    for (const name of readdirSync(owner)) writeFileSync(join(owner, name), '');
    const pidFile = join(dataDirectory, 'postgres/postmaster.pid');
    const text = readFileSync(pidFile, 'utf8');
    const lines = text.split('\n');
    lines[4] = '/var/run/postgresql';
    writeFileSync(pidFile, lines.join('\n'));
    await expect(startEmbeddedPostgres({ dataDirectory })).rejects.toMatchObject({
      reason: 'IN_USE',
      message: expect.stringContaining(`process ${pid}`),
    });
    expect(process.kill(pid, 0)).toBe(true);
    writeFileSync(pidFile, text);
  });
});

describe('the lock of a process that is gone', () => {
  test('does not hold up the next, even when its number is in use again', async () => {
    const root = await scratch();
    const owner = join(root, 'owner');
    mkdirSync(owner);
    writeFileSync(join(owner, '7'), JSON.stringify({ ...identifyProcess(process.ppid), started: '1' }));
    const lock = await takeOwnerLock(owner, root);
    expect(readdirSync(owner)).toEqual(['8']);
    await expect(takeOwnerLock(owner, root)).rejects.toThrow(`this same process (${process.pid})`);
    lock.release();
    lock.release();
    (await takeOwnerLock(owner, root)).release();
  });

  test('does not hold up a server whose former number now is somebody else', async () => {
    const dataDirectory = await preparedFolder();
    const pidFile = join(dataDirectory, 'postgres/postmaster.pid');
    writeFileSync(pidFile, `${process.ppid}\n${join(dataDirectory, 'postgres')}\n1\n5432\n/x\n\n\nready\n`);
    const again = await startEmbeddedPostgres({ dataDirectory });
    afterThisTest(() => again.stop());
  });

  test('goes to one taker at a time, however many find it at once', async () => {
    const root = await scratch();
    // Each taker holds it for a moment and looks whether it is alone; half of them leave it behind as the dead do.
    const program = `
      import { closeSync, openSync, rmSync, truncateSync, writeFileSync, readdirSync } from 'node:fs';
      import { takeOwnerLock } from ${JSON.stringify(join(compiled(), 'owner-lock.js'))};
      import { identifyProcess } from ${JSON.stringify(join(compiled(), 'process-identity.js'))};
      let taken = 0, clashes = 0;
      const dead = JSON.stringify({ ...identifyProcess(process.pid), started: 'long ago' });
      for (const end = Date.now() + 1000; Date.now() < end; ) {
        let lock;
        try { lock = await takeOwnerLock('owner', '.'); } catch (error) { if (error.reason !== 'IN_USE') throw error; continue; }
        try { closeSync(openSync('inside', 'wx')); } catch { clashes++; }
        taken++;
        const mine = readdirSync('owner').filter((name) => /^[0-9]+$/.test(name)).sort((a, b) => b - a)[0];
        rmSync('inside', { force: true });
        if (taken % 2) lock.release(); else writeFileSync('owner/' + mine, dead);
      }
      console.log(JSON.stringify({ taken, clashes }));`;
    const takers = Array.from({ length: 4 }, async () => {
      const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
        cwd: root,
      });
      return JSON.parse(stdout) as { taken: number; clashes: number };
    });
    const all = await Promise.all(takers);
    expect(all.reduce((sum, { clashes }) => sum + clashes, 0)).toBe(0);
    expect(all.filter(({ taken }) => taken > 0).length).toBeGreaterThan(1);
  });
});

describe('a holder in another container, who cannot be seen', () => {
  test('keeps the folder while it gives signs of life, and has lost it when they cease', async () => {
    const root = await scratch();
    const owner = join(root, 'owner');
    mkdirSync(owner);
    const file = join(owner, '1');
    writeFileSync(file, JSON.stringify({ ...identifyProcess(17), numbering: 'another', host: 'web-2' }));
    const heartbeat = startHeartbeat(file, 50);
    const patience = { patienceMs: 400 };
    await expect(takeOwnerLock(owner, root, patience)).rejects.toThrow(
      'in use by process 17 of another container or machine (web-2)',
    );
    heartbeat.stop();
    (await takeOwnerLock(owner, root, patience)).release();
  });

  test.runIf(isRoot)('is heard by a real start', async () => {
    const dataDirectory = await preparedFolder();
    const prefix = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'];
    const other = inOtherProcess({ dataDirectory, prefix });
    expect(await other.answer).toHaveProperty('pid');
    await expect(startEmbeddedPostgres({ dataDirectory })).rejects.toMatchObject({
      reason: 'IN_USE',
      message: expect.stringContaining('of another container or machine'),
    });
  });
});

describe('a process', () => {
  test('is known by its number and its start', () => {
    const self = identifyProcess(process.pid);
    expect(isRunning(self)).toBe(true);
    expect(isRunning({ ...self, started: 'earlier' })).toBe(false);
    expect(isRunning({ ...self, boot: 'before the last power cut' })).toBe(false);
    expect(isRunning({ ...self, numbering: 'another container' })).toBeUndefined();
    expect(isRunning({ ...self, boot: 'other', host: 'another machine' })).toBeUndefined();
    expect(isRunning({ ...self, pid: 2 ** 22 + 1 })).toBe(false);
  });
});
