import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { nextPayload } from '../workload.js';
import { sourceFile } from './folder.js';

/** A Python program beside this file that carries out commands: a line of JSON each, both ways. */
export class PythonProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #exited: Promise<unknown>;
  /** Its own, and those that it has started. */
  processes: readonly number[] = [];

  private constructor(child: ChildProcess, lines: AsyncIterator<string>) {
    this.#child = child;
    this.#lines = lines;
    this.#exited = once(child, 'exit');
  }

  /** Resolves when it is ready. It ends when its standard input does, so it does not outlive this process. */
  static async start(
    folder: string,
    script: string,
    setup: Readonly<Record<string, unknown>>,
  ): Promise<PythonProcess> {
    const events = Array.from({ length: 64 }, () => {
      const { data, eventType, metadata } = nextPayload();
      return { type: eventType, data: data.toString(), metadata };
    });
    const child = spawn(
      path.join(folder, 'bin/python'),
      [sourceFile(script), JSON.stringify({ ...setup, events })],
      { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' } },
    );
    const failed = once(child, 'error').then(([error]) => {
      throw error;
    });
    // Whoever reads the answer hears of it; later there is nobody to tell.
    failed.catch(() => undefined);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const started = new PythonProcess(child, lines);
    const { processes = [] } = await Promise.race([started.#answer(), failed]);
    started.processes = processes;
    return started;
  }

  /** What it says to a command; throws what it failed with. */
  async ask(command: Readonly<Record<string, unknown>>): Promise<Answer> {
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
    return this.#answer();
  }

  /** What a command measured: events a second. */
  async measure(command: Readonly<Record<string, unknown>>): Promise<Measured> {
    const { events = 0, milliseconds = Number.NaN } = await this.ask(command);
    return { events, rate: (events * 1000) / milliseconds };
  }

  async stop(): Promise<void> {
    this.#child.stdin?.end();
    await this.#exited;
  }

  async #answer(): Promise<Answer> {
    const { done, value } = await this.#lines.next();
    if (done) throw new Error('The Python process ended');
    const answer = JSON.parse(value) as Answer;
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  }
}

export interface Answer {
  readonly events?: number;
  readonly milliseconds?: number;
  readonly processes?: readonly number[];
  readonly error?: string;
}

export interface Measured {
  readonly events: number;
  readonly rate: number;
}
