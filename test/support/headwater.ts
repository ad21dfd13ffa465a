import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import type { DatabaseOptions } from '../../src/postgres/database.js';
import { startServiceProcess } from './service-process.js';

const ENTRY = path.resolve(import.meta.dirname, '../../bin/headwater.js');

/** What a run of the command line printed, and how it ended. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string;
}

/** Runs `headwater …` in a process of its own, as a person does, to its end. */
export function headwater(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const child = spawnHeadwater(args, options);
  const output = collect(child);
  child.stdin?.end(options.input ?? '');
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...output() }));
  });
}

/** A service in a process of its own. */
export interface RunningService {
  readonly address: string;
  /** As `http://host:port`. */
  readonly http: string;
  readonly pid: number;
  /** The end of what it logged so far. */
  readonly logged: () => string;
  /** Ends it with the signal, and tells how it ended and the end of what it logged. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): Promise<{ readonly code: number | null; readonly stderr: string }>;
}

/** Starts `headwater serve` on free ports, on the Postgres of `databaseUrl` or an embedded one. */
export async function serve(flags: readonly string[], databaseUrl = ''): Promise<RunningService> {
  const { address, readyUrl, pid, stderr, exited, ...service } = await startServiceProcess({
    databaseUrl,
    flags,
  });
  return {
    address,
    http: readyUrl.replace(/\/readyz$/, ''),
    pid,
    logged: stderr,
    kill: async (signal) => {
      await (signal === 'SIGTERM' ? service.drain() : service.kill());
      return { code: (await exited).code, stderr: stderr() };
    },
  };
}

/** The run's Postgres as a URL for other processes. */
export function urlOf(connection: DatabaseOptions['connection']): string {
  if ('connectionString' in connection) return connection.connectionString;
  const { host, port, user, database } = connection;
  return `postgres://${user}@localhost:${port}/${database}?host=${encodeURIComponent(host)}`;
}

/** Starts `headwater …` in a process of its own; the caller sees to its end. */
export function spawnHeadwater(args: readonly string[], options: CommandOptions = {}): ChildProcess {
  const { DATABASE_URL: _, ...inherited } = process.env;
  return spawn(process.execPath, [ENTRY, ...args], {
    cwd: options.cwd,
    env: { ...inherited, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

function collect(child: ChildProcess): () => { stdout: string; stderr: string } {
  const text = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text.stdout += chunk;
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text.stderr += chunk;
  });
  return () => ({ ...text });
}
