import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What a child process says once it serves, what it answers, and what it has used when it ends. */
export type ChildMessage =
  | { readonly kind: 'SERVING'; readonly address: string }
  | { readonly kind: 'ANSWERED'; readonly answer: unknown }
  | { readonly kind: 'ENDED'; readonly peakMiB: number; readonly cpuSeconds: number };

export type ToChild = { readonly kind: 'STOP' } | { readonly kind: 'ASKED'; readonly question: unknown };

export type Usage = Omit<Extract<ChildMessage, { kind: 'ENDED' }>, 'kind'>;

/** As `npm start` and the image run the service; other servers get them too. */
export const NODE_FLAGS: readonly string[] = [
  '--max-semi-space-size=64',
  '--initial-old-space-size=128',
  '--no-allocation-site-pretenuring',
  '--heap-growing-percent=300',
];

/** A server in a process of its own, so that neither its event loop nor its heap is the load generator's. */
export interface Child {
  readonly address: string;
  readonly pid: number;
  /** What it says to the question; one at a time. Fails if it ends before. */
  ask(question: unknown): Promise<unknown>;
  /** Ends it; what it has used, if it could tell. May be called twice. */
  stop(): Promise<Usage | undefined>;
}

export interface ChildOptions {
  /** Handed over as JSON in the first argument. */
  readonly input?: unknown;
  readonly cwd: string;
  readonly nodeArguments?: readonly string[];
}

/** Starts the module beside this one. Resolves when it serves; it ends with this process however that ends. */
export async function startChild(module: string, options: ChildOptions): Promise<Child> {
  const { input, cwd, nodeArguments = [] } = options;
  const child = fork(fileURLToPath(new URL(module, import.meta.url)), [JSON.stringify(input ?? {})], {
    cwd,
    execArgv: ['--enable-source-maps', ...NODE_FLAGS, ...nodeArguments],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  let usage: Usage | undefined;
  let answered: (answer: unknown) => void = () => undefined;
  const address = await new Promise<string>((resolve, reject) => {
    child.on('message', (message: ChildMessage) => {
      if (message.kind === 'SERVING') resolve(message.address);
      else if (message.kind === 'ANSWERED') answered(message.answer);
      else usage = message;
    });
    child.once('error', reject);
    void exited.then(() => reject(new Error(`${module} ended before it served`)));
  });
  let stopping: Promise<Usage | undefined> | undefined;
  const stop = async () => {
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
    if (child.connected) child.send({ kind: 'STOP' } satisfies ToChild);
    await exited;
    clearTimeout(late);
    return usage;
  };
  const ask = (question: unknown) =>
    new Promise<unknown>((resolve, reject) => {
      answered = resolve;
      void exited.then(() => reject(new Error(`${module} ended before it answered`)));
      child.send({ kind: 'ASKED', question } satisfies ToChild);
    });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${module} has no process id`);
  return { address, pid, ask, stop: () => (stopping ??= stop()) };
}
