import { type Client, type ClientDuplexStream } from '@grpc/grpc-js';
import {
  CommandService,
  type HandleRequest,
  type HandleResponse,
} from '../../gen/headwater/v1/command_service_pb.js';
import { type HeadwaterError, StoreUnavailableError } from '../core/errors.js';
import type { Event } from '../core/event.js';
import { deserializer, methodPath, serializer } from '../wire/method.js';
import { StatusCode } from '../wire/status-code.js';
import {
  type DecidePage,
  fromWireToWorker,
  type Outcome,
  type Registration,
  toWireFromWorker,
} from '../wire/worker.js';
import { fromStatusObject } from './failure.js';

/** A command with all that it is decided on. */
export type WorkerTask = Required<Pick<DecidePage, 'command' | 'aggregate'>> &
  Pick<DecidePage, 'version' | 'snapshot' | 'principal' | 'events'>;

/** What a call reports, and asks. */
export interface WorkerCallListener {
  onRegistered(): void;
  /** Never rejects. */
  decide(task: WorkerTask, signal: AbortSignal): Promise<Outcome>;
  /** The call is over; reported once. With `undefined` if it was to end. */
  onEnd(error: HeadwaterError | undefined): void;
}

interface UnderWay {
  readonly first: DecidePage;
  readonly events: Event[];
  readonly cancel: AbortController;
}

/** One Handle call from the worker's side. */
export class WorkerCall {
  readonly #call: ClientDuplexStream<HandleRequest, HandleResponse>;
  readonly #listener: WorkerCallListener;
  readonly #underWay = new Map<bigint, UnderWay>();
  #leaving = false;

  constructor(client: Client, registration: Registration, listener: WorkerCallListener) {
    const { handle } = CommandService.method;
    this.#listener = listener;
    this.#call = client.makeBidiStreamRequest(
      methodPath(handle),
      serializer(handle.input),
      deserializer(handle.output),
    );
    this.#call.on('data', (message: HandleResponse) => this.#take(message));
    // The same as the status, which always comes.
    this.#call.on('error', () => undefined);
    this.#call.on('status', (status) => {
      for (const { cancel } of this.#underWay.values()) cancel.abort(new Error('The call has ended'));
      this.#underWay.clear();
      const ended = status.code === StatusCode.OK;
      if (ended && this.#leaving) listener.onEnd(undefined);
      else
        listener.onEnd(
          ended
            ? new StoreUnavailableError('The service ended the call', { retryAfterMilliseconds: 0 })
            : fromStatusObject(status),
        );
    });
    this.#call.write(toWireFromWorker({ kind: 'REGISTER', registration }));
  }

  /** Takes no more; the call ends when all that it has is answered. */
  leave(): void {
    if (this.#leaving) return;
    this.#leaving = true;
    this.#call.write(toWireFromWorker({ kind: 'DRAINING' }));
  }

  cancel(): void {
    this.#call.cancel();
  }

  #take(response: HandleResponse): void {
    const message = fromWireToWorker(response);
    switch (message?.kind) {
      case 'REGISTERED':
        return this.#listener.onRegistered();
      case 'DECIDE':
        return this.#gather(message.page);
      case 'CANCEL':
        this.#underWay.get(message.correlation)?.cancel.abort(new Error('Nobody waits for it any more'));
        this.#underWay.delete(message.correlation);
        return;
      // The service ends the call itself, when all commands of others that it may need it for are answered.
      case 'DRAINING':
      case undefined:
    }
  }

  #gather(page: DecidePage): void {
    const { correlation, more } = page;
    // With a command it begins, or begins anew.
    if (page.command !== undefined)
      this.#underWay.set(correlation, { first: page, events: [], cancel: new AbortController() });
    const one = this.#underWay.get(correlation);
    if (one === undefined) return;
    one.events.push(...page.events);
    if (!more) void this.#decide(correlation, page.version, one);
  }

  async #decide(correlation: bigint, version: bigint, { cancel, events, first }: UnderWay): Promise<void> {
    const { aggregate, command, principal, snapshot } = first;
    if (aggregate === undefined || command === undefined) return;
    const task = { command, aggregate, version, events, principal, ...(snapshot ? { snapshot } : {}) };
    const outcome = await this.#listener.decide(task, cancel.signal);
    if (!this.#underWay.delete(correlation)) return;
    this.#call.write(toWireFromWorker({ kind: 'DECISION', correlation, outcome }));
  }
}
