import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import type { DatabaseOptions } from '../../src/postgres/database.js';

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
  readonly http: string;
  readonly pid: number;
  readonly banner: string;
  kill(signal: NodeJS.Signals): Promise<CommandResult>;
}

/** Starts `headwater serve` on free ports, and resolves when it has printed where it serves. */
export async function serve(args: readonly string[], options: CommandOptions = {}): Promise<RunningService> {
  const child = spawnHeadwater(['serve', '--grpc-port', '0', '--http-port', '0', ...args], options);
  const output = collect(child);
  const closed = new Promise<number | null>((resolve) => child.on('close', resolve));
  const started = new Promise<void>((resolve) => {
    child.stdout?.on('data', () => {
      if (output().stdout.includes('Ctrl-C drains')) resolve();
    });
  });
  const ended = await Promise.race([started, closed.then((code) => ({ code }))]);
  if (ended) throw new Error(`serve ended with ${ended.code}: ${output().stderr}`);
  const banner = output().stdout;
  return {
    address: /gRPC +(\S+)/.exec(banner)?.[1] ?? '',
    http: /health +(http\S+)\/readyz/.exec(banner)?.[1] ?? '',
    pid: child.pid ?? 0,
    banner,
    kill: async (signal) => {
      child.kill(signal);
      return { code: await closed, ...output() };
    },
  };
}

/** The run's Postgres as a URL for other processes. */
export function urlOf(connection: DatabaseOptions['connection']): string {
  if ('connectionString' in connection) return connection.connectionString;
  const { host, port, user, database } = connection;
  return `postgres://${user}@localhost:${port}/${database}?host=${encodeURIComponent(host)}`;
}

function spawnHeadwater(args: readonly string[], options: CommandOptions): ChildProcess {
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
