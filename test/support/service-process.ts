import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { Writable } from 'node:stream';

const root = path.resolve(import.meta.dirname, '../..');
const STDERR_CHARACTERS = 64 * 1024;

/** How a service process ended; one of the two is null. */
export interface ServiceExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ServiceProcessOptions {
  /** @default none: the service starts an embedded Postgres */
  readonly databaseUrl?: string;
  /** More flags of `headwater serve`. */
  readonly flags?: readonly string[];
  /** Where it runs. @default the checkout */
  readonly cwd?: string;
  /** @default 30_000 */
  readonly startTimeoutMs?: number;
}

/** A real service: `headwater serve` in a process of its own, on ports that were free. */
export interface ServiceProcess {
  readonly pid: number;
  /** Of gRPC, as `host:port`. */
  readonly address: string;
  /** Of health, as a URL. */
  readonly readyUrl: string;
  readonly exited: Promise<ServiceExit>;
  /** The end of what it printed. */
  readonly stdout: () => string;
  /** The end of what it logged. */
  readonly stderr: () => string;
  /** kill -9. */
  kill(): Promise<void>;
  /** SIGTERM, and waits until it has drained. */
  drain(): Promise<ServiceExit>;
}

// The shell becomes the service, and leaves a watchdog on a pipe that only this process holds the other end of: when this
// process ends, however it ends, the service is killed. A line through the pipe sends the watchdog home.
const SCRIPT = '( ( read -r word <&3 || kill -9 $$ ) >/dev/null 2>&1 <&- & ); exec 3<&-; exec "$@"';

/** Starts a service and resolves when it serves. It never outlives this process. */
export async function startServiceProcess(options: ServiceProcessOptions = {}): Promise<ServiceProcess> {
  const { cwd = root, databaseUrl = '', flags = [], startTimeoutMs = 30_000 } = options;
  const words = ['serve', '--grpc-port', '0', '--http-port', '0', '--log-level', 'warn', ...flags];
  const child = spawn(
    '/bin/sh',
    ['-c', SCRIPT, 'sh', process.execPath, path.join(root, 'bin/headwater.js'), ...words],
    {
      cwd,
      env: { ...process.env, DATABASE_URL: databaseUrl },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    },
  );
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    stdout = (stdout + chunk).slice(-STDERR_CHARACTERS);
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr = (stderr + chunk).slice(-STDERR_CHARACTERS);
  });
  const exited = watchExit(child);
  const began = Date.now();
  let exit: ServiceExit | undefined;
  void exited.then((found) => {
    exit = found;
  });
  for (;;) {
    const address = /^ {2}gRPC +([^\s,]+)/m.exec(stdout)?.[1];
    const readyUrl = /^ {2}health +(\S+)$/m.exec(stdout)?.[1];
    if (address !== undefined && readyUrl !== undefined)
      return {
        pid: child.pid ?? 0,
        address,
        readyUrl,
        exited,
        stdout: () => stdout,
        stderr: () => stderr,
        kill: async () => {
          child.kill('SIGKILL');
          await exited;
        },
        drain: () => {
          child.kill('SIGTERM');
          return exited;
        },
      };
    if (exit !== undefined || Date.now() - began > startTimeoutMs) {
      child.kill('SIGKILL');
      const how = exit ? `ended with ${exit.code ?? exit.signal}` : `was not ready in ${startTimeoutMs} ms`;
      throw new Error(`The service ${how}: ${stdout}${stderr}`);
    }
    await new Promise((go) => setTimeout(go, 10));
  }
}

async function watchExit(child: ChildProcess): Promise<ServiceExit> {
  const lifeline = child.stdio[3];
  lifeline?.on('error', () => undefined);
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  if (lifeline instanceof Writable) lifeline.end('ended\n');
  return { code, signal };
}
