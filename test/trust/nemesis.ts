import pg from 'pg';
import type { CrashablePostgres } from '../support/crashable-postgres.js';
import type { Fleet } from './fleet.js';
import type { Workload } from './workload.js';

/** A fault that was done, and until when. */
export interface Fault {
  readonly kind: string;
  readonly began: number;
  /** When what was broken stood again, or, of a service that stays away, when it was gone. */
  readonly ended: number;
}

export interface NemesisParts {
  readonly workload: Workload;
  readonly fleet: Fleet;
  readonly postgres: CrashablePostgres;
  readonly requests: number;
}

/** Breaks things in the middle of the work, at fixed shares of it. */
export class Nemesis {
  readonly faults: Fault[] = [];
  readonly #parts: NemesisParts;

  constructor(parts: NemesisParts) {
    this.#parts = parts;
  }

  async run(): Promise<void> {
    const { fleet } = this.#parts;
    await this.#at(0.08, 'loss of all connections to Postgres', () => this.#terminateBackends());
    await this.#at(0.15, 'kill -9 of a service', () => fleet.kill(0));
    await this.#at(0.22, 'loss of all connections to Postgres', () => this.#terminateBackends());
    await this.#at(0.28, 'start of a service', () => fleet.restart(0));
    await this.#at(0.4, 'kill -9 of Postgres', () => this.#crashPostgres());
    await this.#at(0.5, 'loss of all connections to Postgres', () => this.#terminateBackends());
    await this.#at(0.55, 'SIGTERM of a service', () => this.#drain(1));
    await this.#at(0.62, 'start of a service', () => fleet.restart(1));
    await this.#at(0.68, 'kill -9 of one backend', () => this.#killBackend());
    await this.#at(0.78, 'kill -9 of a service', () => fleet.kill(2));
    await this.#at(0.78, 'kill -9 of Postgres', () => this.#crashPostgres());
    await this.#at(0.85, 'start of a service', () => fleet.restart(2));
    for (const share of [0.88, 0.92, 0.96])
      await this.#at(share, 'loss of all connections to Postgres', () => this.#terminateBackends());
  }

  async #at(share: number, kind: string, work: () => Promise<unknown>): Promise<void> {
    const { requests, workload } = this.#parts;
    await workload.reached(share * requests);
    const began = performance.now();
    await work();
    this.faults.push({ kind, began, ended: performance.now() });
  }

  async #crashPostgres(): Promise<void> {
    const { postgres } = this.#parts;
    await postgres.kill();
    await postgres.restart();
  }

  async #drain(slot: number): Promise<void> {
    const exit = await this.#parts.fleet.drain(slot);
    if (exit?.code !== 0)
      throw new Error(`The service that was to drain ended with ${exit?.code ?? exit?.signal}`);
  }

  /** What a fail-over or a proxy does: sessions end in the middle of a commit. */
  async #terminateBackends(): Promise<void> {
    await this.#ask(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'headwater'",
    );
  }

  /** The server takes it for corrupted memory, ends all others, and recovers from its log. */
  async #killBackend(): Promise<void> {
    const [pid] = await this.#ask(
      "SELECT pid FROM pg_stat_activity WHERE application_name = 'headwater' ORDER BY state_change DESC LIMIT 1",
    );
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  }

  async #ask(sql: string): Promise<readonly number[]> {
    const client = new pg.Client(this.#parts.postgres.connection);
    client.on('error', () => undefined);
    await client.connect();
    const { rows } = await client.query<number[]>({ text: sql, rowMode: 'array' });
    await client.end();
    return rows.flat();
  }
}
