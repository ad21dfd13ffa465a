import type { DescService } from '@bufbuild/protobuf';
import type { Server } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';

/** grpc.health.v1.Health, for the service as a whole ("") and by name. Exempt from plans: probes have no principal. */
export class Health {
  readonly #implementation: HealthImplementation;
  readonly #names: readonly string[];

  constructor(services: readonly DescService[]) {
    this.#names = ['', ...services.map(({ typeName }) => typeName)];
    this.#implementation = new HealthImplementation();
    this.setServing(false);
  }

  addTo(server: Server): void {
    this.#implementation.addToServer(server);
  }

  setServing(serving: boolean): void {
    for (const name of this.#names) this.#implementation.setStatus(name, serving ? 'SERVING' : 'NOT_SERVING');
  }
}
