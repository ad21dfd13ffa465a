import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** As it was compiled: bin/headwater.js would compile first what has changed since. */
const ENTRY = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
const PATIENCE_MILLISECONDS = 60_000;

/** `headwater serve` as a person starts it, in a process of its own, with an embedded Postgres. */
export interface ServedProcess {
  /** From its start until health was answered with yes. */
  readonly milliseconds: number;
  /** Drains it, and waits for its end. */
  stop(): Promise<void>;
}

export async function startServed(dataDirectory: string): Promise<ServedProcess> {
  const began = performance.now();
  const { DATABASE_URL: _, ...env } = process.env;
  const child = spawn(
    process.execPath,
    [ENTRY, 'serve', '--data', dataDirectory, '--grpc-port', '0', '--http-port', '0', '--log-level', 'warn'],
    { cwd: dataDirectory, env, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exited = once(child, 'exit');
  // It ends with this process, however that ends.
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  const stop = async () => {
    child.kill('SIGTERM');
    await exited;
    process.removeListener('exit', end);
  };
  try {
    const health = await healthUrlOf(child);
    const answer = await fetch(health);
    if (!answer.ok) throw new Error(`Health says ${answer.status}`);
    return { milliseconds: performance.now() - began, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** It says where health is when it serves. */
function healthUrlOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = '';
    const late = setTimeout(() => reject(new Error('The service does not start')), PATIENCE_MILLISECONDS);
    child.once('exit', (code) => reject(new Error(`The service ended with ${code} before it served`)));
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      printed += chunk;
      const url = /^ {2}health +(\S+)$/m.exec(printed)?.[1];
      if (url === undefined) return;
      clearTimeout(late);
      resolve(url);
    });
  });
}
