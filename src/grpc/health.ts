import type { DescService } from '@bufbuild/protobuf';
import {
  type Server,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { service } from 'grpc-health-check';

interface Asked {
  readonly service: string;
}
interface Answer {
  readonly status: 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';
}

/** Probes that watch at a time. */
const WATCHERS = 1000;

/**
 * grpc.health.v1.Health, for the service as a whole ("") and by name. Exempt from plans: probes have no principal, so it tells
 * whether the service serves and nothing else, and what a stranger asks for is not remembered. (The library's own keeps each
 * name that anybody has ever watched.)
 */
export class Health {
  readonly #names: ReadonlySet<string>;
  readonly #watchers = new Set<() => void>();
  #serving = false;

  constructor(services: readonly DescService[]) {
    this.#names = new Set(['', ...services.map(({ typeName }) => typeName)]);
  }

  addTo(server: Pick<Server, 'addService'>): void {
    server.addService(service, {
      check: ({ request }: ServerUnaryCall<Asked, Answer>, done: sendUnaryData<Answer>) => {
        if (this.#names.has(request.service)) done(null, this.#answer(request.service));
        else done({ code: status.NOT_FOUND, details: 'There is no service of that name here' });
      },
      list: (_call: unknown, done: sendUnaryData<{ statuses: Record<string, Answer> }>) => {
        done(null, { statuses: { '': this.#answer('') } });
      },
      watch: (call: ServerWritableStream<Asked, Answer>) => this.#watch(call),
    });
  }

  setServing(serving: boolean): void {
    this.#serving = serving;
    for (const tell of this.#watchers) tell();
  }

  #answer(name: string): Answer {
    if (!this.#names.has(name)) return { status: 'SERVICE_UNKNOWN' };
    return { status: this.#serving ? 'SERVING' : 'NOT_SERVING' };
  }

  /** Tells each change; of those that come while nobody reads only the last. */
  #watch(call: ServerWritableStream<Asked, Answer>): void {
    if (this.#watchers.size >= WATCHERS) {
      call.emit('error', {
        code: status.RESOURCE_EXHAUSTED,
        details: 'Too many probes watch already; use Check',
      });
      return;
    }
    let told: Answer['status'] | undefined;
    const tell = () => {
      const answer = this.#answer(call.request.service);
      if (answer.status === told || call.writableNeedDrain) return;
      told = answer.status;
      call.write(answer);
    };
    this.#watchers.add(tell);
    call.on('drain', tell);
    const forget = () => this.#watchers.delete(tell);
    call.on('cancelled', forget).on('close', forget).on('error', forget);
    tell();
  }
}
