import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';

const SERVICES = 2;

/** Services on one database, each at an address that it keeps over restarts. */
export class FollowedServices {
  readonly addresses: readonly string[];
  readonly #databaseUrl: string;
  readonly #services: ServiceProcess[];
  readonly #stderr: string[] = [];

  private constructor(databaseUrl: string, services: ServiceProcess[]) {
    this.#databaseUrl = databaseUrl;
    this.#services = services;
    this.addresses = services.map(({ address }) => address);
  }

  static async start(databaseUrl: string): Promise<FollowedServices> {
    const services: ServiceProcess[] = [];
    try {
      for (let slot = 0; slot < SERVICES; slot += 1)
        services.push(await startServiceProcess({ databaseUrl }));
    } catch (error) {
      for (const service of services) await service.kill();
      throw error;
    }
    return new FollowedServices(databaseUrl, services);
  }

  async kill(slot: number): Promise<void> {
    const service = this.#services[slot];
    await service?.kill();
    this.#stderr.push(service?.stderr() ?? '');
  }

  /** At the same address. */
  async restart(slot: number): Promise<void> {
    const [, port = ''] = /:(\d+)$/.exec(this.addresses[slot] ?? '') ?? [];
    // The last one counts.
    const flags = ['--grpc-port', port];
    this.#services[slot] = await startServiceProcess({
      databaseUrl: this.#databaseUrl,
      flags,
      startTimeoutMs: 60_000,
    });
  }

  /** What the services logged, for a run that failed. */
  stderr(): string {
    return [...this.#stderr, ...this.#services.map(({ stderr }) => stderr())].join('\n').slice(-8000);
  }

  async close(): Promise<void> {
    await Promise.all(this.#services.map((service) => service.kill()));
  }
}
