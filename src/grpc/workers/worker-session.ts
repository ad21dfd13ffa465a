import { Metadata, type ServerDuplexStream } from '@grpc/grpc-js';
import type { HandleRequest, HandleResponse } from '../../../gen/headwater/v1/command_service_pb.js';
import type { Resource } from '../../auth/plan.js';
import {
  DeadlineExceededError,
  type HeadwaterError,
  InvalidRequestError,
  OverloadedError,
} from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import type { Received } from '../../wire/method.js';
import { oneMessageAhead } from '../../wire/one-message-ahead.js';
import {
  type FromWorker,
  fromWireFromWorker,
  type Outcome,
  type Registration,
  type ToWorker,
  toWireToWorker,
} from '../../wire/worker.js';
import type { CallScope } from '../call-scope.js';
import type { Admission } from '../admission.js';
import type { Desk } from '../desk.js';
import { toServiceError } from '../failure.js';
import { Outbox } from '../outbox.js';
import type { WorkerPool } from './worker-pool.js';
import type { Worker, WorkerLink } from './worker.js';

/** Bytes that may wait in a call before more is sent to its worker. */
const WINDOW = 512 * 1024;
/** Milliseconds in which a worker must say who it is. */
const REGISTER_TIMEOUT = 10_000;
/** What an event or a command costs on the wire beside its data, about. */
const OVERHEAD = 256;

export interface WorkerSessionParts {
  readonly call: ServerDuplexStream<Received<HandleRequest>, HandleResponse>;
  readonly scope: CallScope;
  readonly desk: Desk;
  readonly rpc: string;
  readonly admission: Admission;
  readonly pool: WorkerPool;
  readonly decideTimeoutMs: number;
  readonly logger: Logger;
}

/** One Handle call: a worker from its registration until it leaves, is lost or is sent away. */
export class WorkerSession implements WorkerLink {
  readonly #parts: WorkerSessionParts;
  readonly #outbox: Outbox;
  readonly #late: NodeJS.Timeout;
  #worker: Worker | undefined;
  #ended = false;

  constructor(parts: WorkerSessionParts) {
    this.#parts = parts;
    this.#outbox = new Outbox(parts.call, WINDOW);
    this.#late = setTimeout(
      () => this.#end(new DeadlineExceededError(`The worker did not register within ${REGISTER_TIMEOUT} ms`)),
      REGISTER_TIMEOUT,
    );
  }

  start(): void {
    const { call, scope } = this.#parts;
    oneMessageAhead(call);
    scope.signal.addEventListener('abort', () => this.#abandoned(), { once: true });
    scope.onDrain = () => void this.send({ kind: 'DRAINING' });
    // Commands under way, of other calls, may need it until the last of them is answered.
    scope.onOthersDone = () => this.#end();
    call.on('end', () => this.#end());
    call.on('data', (received: Received<HandleRequest>) => this.#receive(received));
    call.sendMetadata(new Metadata());
  }

  async send(message: ToWorker): Promise<void> {
    if (this.#ended) return;
    const { desk } = this.#parts;
    this.#outbox.send(toWireToWorker(message), sizeOf(message));
    if (this.#outbox.hasRoom || (await this.#outbox.room(desk.stallTimeoutMs))) return;
    this.#end(
      new OverloadedError(`The worker took nothing for ${desk.stallTimeoutMs} ms`, { limit: 'stall' }),
    );
  }

  #receive(received: Received<HandleRequest>): void {
    if (this.#ended) return;
    const { desk, rpc } = this.#parts;
    try {
      this.#take(fromWireFromWorker(desk.accept(received)));
    } catch (error) {
      this.#end(desk.failure(error, rpc));
    }
  }

  #take(message: FromWorker): void {
    const worker = this.#worker;
    if (message.kind === 'REGISTER') {
      if (worker !== undefined) throw misplaced('register', 'is said already');
      this.#register(message.registration);
    } else if (worker === undefined) throw misplaced('message', 'must be register, as the first');
    else if (message.kind === 'DECISION') {
      this.#mayDecide(message.outcome);
      worker.settle(message.correlation, message.outcome);
    } else {
      worker.onIdle = () => this.#end();
      this.#parts.pool.retire(worker);
    }
  }

  #register(registration: Registration): void {
    const { admission, decideTimeoutMs, logger, pool } = this.#parts;
    // It is sent the events of any aggregate of the type, and writes them.
    const resources = registration.commands.flatMap(({ aggregateType, commandType }): readonly Resource[] => [
      { kind: 'COMMAND_TYPE', commandType },
      { kind: 'AGGREGATE_TYPE', aggregateType },
    ]);
    admission.keep({ ...admission.caller, action: 'handle-commands', resources });
    const worker = pool.join(registration, this);
    this.#worker = worker;
    clearTimeout(this.#late);
    const { commands, name } = registration;
    logger.info('A worker is there', { worker: worker.id, name, commands: commands.length });
    void this.send({ kind: 'REGISTERED', workerId: worker.id, decideTimeoutMs });
  }

  /** Whether an append that depends on them goes through tells of other streams too. */
  #mayDecide(outcome: Outcome): void {
    if (outcome.kind !== 'ACCEPTED') return;
    const { checks = [], condition } = outcome;
    if (checks.length === 0 && condition === undefined) return;
    const resources: readonly Resource[] = [
      ...checks.map(({ stream }) => ({ kind: 'STREAM', stream }) as const),
      ...(condition === undefined ? [] : [{ kind: 'LOG' } as const]),
    ];
    const { admission } = this.#parts;
    admission.plan({ ...admission.caller, action: 'handle-commands', resources });
  }

  /** The call is over, with an error if the worker is sent away for one; what it had goes elsewhere. */
  #end(error?: HeadwaterError): void {
    if (this.#ended) return;
    this.#leave(error?.message);
    const { call } = this.#parts;
    if (error === undefined) call.end();
    else call.emit('error', toServiceError(error));
  }

  #abandoned(): void {
    const { call, desk, rpc, scope } = this.#parts;
    if (this.#ended) return;
    const error = scope.gone ? undefined : desk.failure(scope.signal.reason, rpc);
    this.#leave(error?.message ?? 'Its connection is gone');
    if (error !== undefined) call.emit('error', toServiceError(error));
  }

  #leave(why = 'It has left'): void {
    this.#ended = true;
    clearTimeout(this.#late);
    this.#outbox.close();
    const worker = this.#worker;
    if (worker === undefined) return;
    const { logger, pool } = this.#parts;
    worker.onIdle = undefined;
    pool.lose(worker);
    logger.info('A worker is gone', { worker: worker.id, name: worker.registration.name, why });
  }
}

function misplaced(field: string, description: string): InvalidRequestError {
  return new InvalidRequestError([{ field, description }]);
}

/** About how many bytes it takes. */
function sizeOf(message: ToWorker): number {
  if (message.kind !== 'DECIDE') return OVERHEAD;
  const { command, events, snapshot } = message.page;
  let bytes = OVERHEAD + (command?.data.bytes.byteLength ?? 0) + (snapshot?.data.byteLength ?? 0);
  for (const { data } of events) bytes += data.byteLength + OVERHEAD;
  return bytes;
}
