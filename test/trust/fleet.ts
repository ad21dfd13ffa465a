import { type Connection, connect } from '../../src/client/connect.js';
import { type ServiceExit, type ServiceProcess, startServiceProcess } from '../support/service-process.js';
import type { Source } from './writers.js';

/** How long a client tries by itself; with the short ones callers see more of what happens. */
const TIMEOUTS_MS = [10_000, 400];

/** Some services on one database, that come and go, and clients that find whoever is there. */
export class Fleet {
  readonly sources: readonly Source[];
  readonly #options: { readonly databaseUrl: string; readonly schema: string };
  readonly #services: (ServiceProcess | undefined)[];
  readonly #connections: Connection[] = [];
  readonly #retired: Connection[] = [];

  private constructor(options: { readonly databaseUrl: string; readonly schema: string }, services: number) {
    this.#options = options;
    this.#services = Array.from({ length: services }, () => undefined);
    this.sources = this.#services.flatMap((_, slot) =>
      TIMEOUTS_MS.map((_timeout, index) => ({
        name: `client ${slot + 1}${index === 0 ? 'a' : 'b'}`,
        store: () => this.#connection(slot * TIMEOUTS_MS.length + index).eventStore,
      })),
    );
  }

  static async start(
    options: { readonly databaseUrl: string; readonly schema: string },
    services: number,
  ): Promise<Fleet> {
    const fleet = new Fleet(options, services);
    try {
      for (let slot = 0; slot < services; slot++) await fleet.#launch(slot);
    } catch (error) {
      await fleet.close();
      throw error;
    }
    fleet.#connect();
    return fleet;
  }

  /** kill -9. The clients are not told. */
  async kill(slot: number): Promise<void> {
    await this.#services[slot]?.kill();
    this.#services[slot] = undefined;
  }

  /** SIGTERM. */
  async drain(slot: number): Promise<ServiceExit | undefined> {
    const exit = await this.#services[slot]?.drain();
    this.#services[slot] = undefined;
    return exit;
  }

  /** On another port; from now on the clients know that. */
  async restart(slot: number): Promise<void> {
    await this.#launch(slot);
    this.#connect();
  }

  /** What the services logged in the end, for a run that failed. */
  stderr(): string {
    return this.#services
      .map((service, slot) => `service ${slot + 1}:\n${service?.stderr() ?? ''}`)
      .join('\n');
  }

  async close(): Promise<void> {
    for (const connection of [...this.#connections, ...this.#retired]) connection.close();
    await Promise.all(this.#services.map(async (service) => service?.kill()));
  }

  async #launch(slot: number): Promise<void> {
    const { databaseUrl, schema } = this.#options;
    this.#services[slot] = await startServiceProcess({ databaseUrl, flags: ['--namespace', schema] });
  }

  /** New connections for all; what is under way in the old ones goes on there. */
  #connect(): void {
    this.#retired.push(...this.#connections.splice(0));
    this.#services.forEach((_, slot) => {
      const ordered = [...this.#services.slice(slot), ...this.#services.slice(0, slot)];
      const address = ordered.flatMap((service) => service?.address ?? []);
      for (const timeoutMs of TIMEOUTS_MS) this.#connections.push(connect({ address, timeoutMs }));
    });
  }

  #connection(index: number): Connection {
    const connection = this.#connections[index];
    if (connection === undefined) throw new RangeError(`There is no connection ${index}`);
    return connection;
  }
}
