import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

const root = path.resolve(import.meta.dirname, '../..');
const STDERR_CHARACTERS = 16 * 1024;

/** The programs of one language, with stubs that were generated just now. */
export interface Programs {
  /** Starts a program; it never outlives this process. */
  start(program: 'events' | 'worker' | 'commands' | 'consumer', ...args: readonly string[]): Program;
}

/** A program that runs. */
export interface Program {
  /** What it prints, line by line, to its end; throws if it ends badly. */
  readonly lines: AsyncIterableIterator<string>;
  say(line: string): void;
  /** The end of what it says of its troubles. */
  readonly stderr: () => string;
  /** Closes its input. */
  endInput(): void;
  /** kill -9. */
  kill(): Promise<void>;
}

/** A folder that is removed when the tests are done. */
export interface Scratch {
  readonly folder: string;
  readonly remove: () => void;
}

export function scratch(): Scratch {
  const parent = path.join(root, '.headwater-test');
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(path.join(parent, 'polyglot-'));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Puts the Python programs and their stubs into the folder. */
export function pythonPrograms(folder: string): Programs {
  const out = path.join(folder, 'python');
  // Debian's packages belong to Debian's Python, which need not be the first one there.
  const python = ['python3', '/usr/bin/python3'].find(
    (name) => spawnSync(name, ['-c', 'import grpc, google.protobuf']).status === 0,
  );
  if (python === undefined) throw new Error('There is no Python with gRPC (Debian: python3-grpcio)');
  execFileSync('sh', ['test/polyglot/generate-python.sh', out], { cwd: root, stdio: 'inherit' });
  cpSync(path.join(import.meta.dirname, 'python'), out, { recursive: true });
  return { start: (program, ...args) => run(python, [path.join(out, `${program}.py`), ...args]) };
}

/** Builds the Go programs with their stubs in the folder; nothing is downloaded. */
export function goPrograms(folder: string): Programs {
  const out = path.join(folder, 'go');
  const bin = path.join(folder, 'bin');
  cpSync(path.join(import.meta.dirname, 'go'), out, { recursive: true });
  const build = (...packages: readonly string[]) =>
    execFileSync('go', ['build', '-o', `${bin}/`, ...packages], {
      cwd: out,
      env: { ...process.env, GOPROXY: 'off' },
      stdio: 'inherit',
    });
  build('google.golang.org/protobuf/cmd/protoc-gen-go', 'google.golang.org/grpc/cmd/protoc-gen-go-grpc');
  execFileSync('sh', ['test/polyglot/generate-go.sh', out], {
    cwd: root,
    env: { ...process.env, PATH: `${bin}${path.delimiter}${process.env['PATH'] ?? ''}` },
    stdio: 'inherit',
  });
  build('./events', './worker', './commands');
  return { start: (program, ...args) => run(path.join(bin, program), args) };
}

function run(file: string, args: readonly string[]): Program {
  // The kernel ends it with this process, however that ends.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', file, ...args], {
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr = (stderr + chunk).slice(-STDERR_CHARACTERS);
  });
  const closed = once(child, 'close');
  closed.catch(() => undefined); // told by whoever reads the lines
  return {
    lines: linesOf(child, closed, () => stderr),
    stderr: () => stderr,
    say: (line) => child.stdin.write(`${line}\n`),
    endInput: () => child.stdin.end(),
    kill: async () => {
      child.kill('SIGKILL');
      await closed;
    },
  };
}

async function* linesOf(
  child: ChildProcess,
  closed: Promise<unknown[]>,
  stderr: () => string,
): AsyncIterableIterator<string> {
  if (child.stdout) yield* createInterface({ input: child.stdout });
  const [code, signal] = await closed;
  if (code !== 0 && signal !== 'SIGKILL')
    throw new Error(`${child.spawnargs.join(' ')} ended with ${String(code ?? signal)}: ${stderr()}`);
}
