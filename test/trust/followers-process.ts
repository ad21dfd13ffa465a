import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

/** What all processes of a run are told alike. */
export interface CrewSettings {
  readonly addresses: readonly string[];
  readonly databaseUrl: string;
  readonly rabbitUrl: string;
  readonly natsUrl: string;
  /** A file; while it is there, the stream `poisoned` cannot be handled. */
  readonly poison: string;
  readonly poisoned: string;
}

/** From when to when a process stood still, in milliseconds of the machine's clock. */
export interface Stall {
  readonly process: string;
  readonly began: number;
  readonly ended: number;
}

/** Milliseconds of the machine's monotonic clock, which all processes share. */
export function machineTime(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** A follower in a process of its own, that is started again when it was killed. It never outlives this one. */
export class FollowerProcess {
  readonly role: string;
  readonly name: string;
  /** What each life wrote down. */
  readonly files: string[] = [];
  readonly stalls: Stall[] = [];
  /** Ends that nobody asked for. */
  readonly accidents: string[] = [];
  readonly #settings: CrewSettings;
  readonly #folder: string;
  #child: ChildProcess | undefined;
  #expected = true;
  #stderr = '';

  constructor(role: string, number: number, folder: string, settings: CrewSettings) {
    this.role = role;
    this.name = `${role} ${number}`;
    this.#folder = folder;
    this.#settings = settings;
  }

  get runs(): boolean {
    return this.#child !== undefined;
  }

  /** Resolves when it says that it is ready, which takes as long as a service is away. */
  async start(): Promise<void> {
    const life = this.files.length + 1;
    const file = path.join(this.#folder, `${this.name.replace(' ', '-')}-life-${life}.jsonl`);
    this.files.push(file);
    const program = path.join(import.meta.dirname, 'followers-child.js');
    const options = { role: this.role, name: this.name, file, ...this.#settings };
    const child = fork(program, [JSON.stringify(options)], {
      execArgv: [],
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    });
    this.#child = child;
    this.#expected = false;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-10_000);
    });
    child.once('exit', (code, signal) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      if (!this.#expected) this.accidents.push(`${this.name} ended with ${code ?? signal}: ${this.#stderr}`);
    });
    await Promise.race([once(child, 'message'), once(child, 'exit')]);
  }

  /** kill -9. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** SIGTERM, and waits until it has stopped; kill -9 if that takes too long, which is told. */
  async stop(patienceMs: number): Promise<void> {
    const late = setTimeout(() => {
      this.accidents.push(`${this.name} did not stop in ${patienceMs} ms`);
      this.#child?.kill('SIGKILL');
    }, patienceMs);
    await this.#end('SIGTERM');
    clearTimeout(late);
  }

  /** SIGSTOP for so long, then SIGCONT: it goes on with what it believed. */
  async stall(milliseconds: number): Promise<void> {
    const child = this.#child;
    const began = machineTime();
    child?.kill('SIGSTOP');
    await new Promise((go) => setTimeout(go, milliseconds));
    child?.kill('SIGCONT');
    this.stalls.push({ process: this.name, began, ended: machineTime() });
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#expected = true;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }
}
