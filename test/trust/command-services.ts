import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';
import { CommandClient } from './command-clients.js';

/** Two services on one database, each at an address that it keeps over restarts, and plain clients of both. */
export class CommandServices {
  readonly clients: readonly CommandClient[];
  readonly addresses: readonly string[];
  readonly #databaseUrl: string;
  readonly #services: ServiceProcess[];
  readonly #stderr: string[] = [];

  private constructor(databaseUrl: string, services: ServiceProcess[]) {
    this.#databaseUrl = databaseUrl;
    this.#services = services;
    this.addresses = services.map(({ address }) => address);
    this.clients = this.addresses.map((address, index) => new CommandClient(`service ${index + 1}`, address));
  }

  static async start(databaseUrl: string): Promise<CommandServices> {
    const first = await startServiceProcess({ databaseUrl });
    try {
      return new CommandServices(databaseUrl, [first, await startServiceProcess({ databaseUrl })]);
    } catch (error) {
      await first.kill();
      throw error;
    }
  }

  /** kill -9, and at once a new one at the same address. */
  async crash(slot: number): Promise<void> {
    const service = this.#services[slot];
    if (service === undefined) throw new RangeError(`There is no service ${slot}`);
    await service.kill();
    this.#stderr.push(service.stderr());
    const [, port = ''] = /:(\d+)$/.exec(service.address) ?? [];
    // The last one counts.
    const flags = ['--grpc-port', port];
    this.#services[slot] = await startServiceProcess({ databaseUrl: this.#databaseUrl, flags });
  }

  /** What the services logged, for a run that failed. */
  stderr(): string {
    return [...this.#stderr, ...this.#services.map(({ stderr }) => stderr())].join('\n');
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.close();
    await Promise.all(this.#services.map((service) => service.kill()));
  }
}
