import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { childrenOf, killNow } from './processes.js';

/** A broker that a test may kill, pause and start again on the same port and folder. */
export interface CrashableBroker {
  /** Stays the same over crashes. */
  readonly url: string;
  /** Resolves when all that was made in it so far outlives a kill. */
  settled(): Promise<void>;
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again and resolves when it serves. */
  restart(): Promise<void>;
  /** SIGSTOP: connections stay, and nothing answers. Resolves when it has stopped. */
  pause(): Promise<void>;
  resume(): void;
  /** Ends it and removes its folder. */
  close(): Promise<void>;
}

/** On a machine with other work RabbitMQ takes more than a minute. */
const START_MS = 150_000;

/** A server process and what it says. */
export class BrokerProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #output = '';

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.#child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#ended = once(this.#child, 'exit');
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-20_000);
      });
  }

  /** Resolves when the server has said so; fails with all that it said. */
  async said(words: string): Promise<void> {
    const deadline = performance.now() + START_MS;
    while (!this.#output.includes(words)) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null || performance.now() > deadline)
        throw new Error(`The broker did not say ${JSON.stringify(words)}: ${this.#output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** The signal takes its time with a process of many threads. */
  async pause(): Promise<void> {
    this.#child.kill('SIGSTOP');
    const tasks = `/proc/${this.#child.pid}/task`;
    const stopped = () =>
      readdirSync(tasks).every((task) => /\) T /.test(readFileSync(`${tasks}/${task}/stat`, 'utf8')));
    while (!stopped()) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** kill -9 of it and of what it started. */
  async kill(): Promise<void> {
    const { pid } = this.#child;
    if (pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const below = descendantsOf(pid);
    this.#child.kill('SIGKILL');
    await this.#ended;
    for (const one of below) killNow(one);
  }
}

function descendantsOf(pid: number): readonly number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}
