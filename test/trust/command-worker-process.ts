import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

export interface WorkerProcessOptions {
  readonly name: string;
  /** Of the services that it works for. */
  readonly addresses: readonly string[];
  readonly keepsState: boolean;
}

/** A worker in a process of its own. It never outlives this one. */
export class WorkerProcess {
  readonly name: string;
  readonly #child: ChildProcess;

  private constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.#child = child;
  }

  /** Resolves when all of its services have taken it in. */
  static async start(options: WorkerProcessOptions): Promise<WorkerProcess> {
    const program = path.join(import.meta.dirname, 'command-worker.js');
    const child = fork(program, [JSON.stringify(options)], { execArgv: [] });
    const ended = once(child, 'exit').then(() => {
      throw new Error(`${options.name} ended before it was registered`);
    });
    await Promise.race([once(child, 'message'), ended]);
    ended.catch(() => undefined);
    return new WorkerProcess(options.name, child);
  }

  /** kill -9. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  /** SIGSTOP for so long, then SIGCONT. */
  async stall(milliseconds: number): Promise<void> {
    this.#child.kill('SIGSTOP');
    await new Promise((go) => setTimeout(go, milliseconds));
    this.#child.kill('SIGCONT');
  }
}
