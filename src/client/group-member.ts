import { type Client, type ClientDuplexStream, type StatusObject } from '@grpc/grpc-js';
import {
  type ConsumeRequest,
  ConsumerGroupService,
} from '../../gen/headwater/v1/consumer_group_service_pb.js';
import type { GroupMembership, GroupMessage, JoinGroupRequest, Nack } from '../core/consumer-groups.js';
import { DeadlineExceededError, StoreUnavailableError } from '../core/errors.js';
import { validateAck, validateCredit, validateNack } from '../core/validate-group.js';
import { type FromConsumer, type ToConsumer, toWireFromConsumer } from '../wire/consume.js';
import { decodeToConsumer } from '../wire/decode-page.js';
import { methodPath, serializer } from '../wire/method.js';
import { StatusCode } from '../wire/status-code.js';
import { fromStatusObject } from './failure.js';
import { GroupAnswers } from './group-answers.js';

export interface GroupMemberOptions {
  /** Ends it at once, with the signal's reason. */
  readonly signal: AbortSignal;
  /** Milliseconds within which the service must have let it join. */
  readonly joinTimeoutMs: number;
  /** The service shuts down. */
  readonly onDraining: () => void;
  /** It is over; reported once. With `undefined` if it was to end. */
  readonly onEnd: (error: Error | undefined) => void;
}

/** What the service said; without a message where a later version said what this one does not know. */
interface Told {
  readonly message: ToConsumer | undefined;
}

/**
 * One Consume call from the consumer's side. What comes is always read, for results stand behind deliveries: what waits here
 * for its reader is bounded by the events that the service may have under way to this member.
 */
export class GroupMember implements GroupMembership {
  memberId = '';
  ackTimeoutMs = 0;
  /** Resolves with this when the service has let it join. */
  readonly joined: Promise<GroupMembership>;
  readonly #call: ClientDuplexStream<ConsumeRequest, Told>;
  readonly #options: GroupMemberOptions;
  readonly #answers = new GroupAnswers();
  readonly #messages: GroupMessage[] = [];
  readonly #onAbort = () => this.#call.cancel();
  #wake: () => void = () => undefined;
  #joined: (error?: Error) => void = () => undefined;
  #credit: number | undefined;
  #leaving = false;
  #leaveSaid = false;
  #writable = true;
  #flushing = false;
  #late: DeadlineExceededError | undefined;
  #over: { readonly error: Error | undefined } | undefined;
  #whenOver: (() => void)[] = [];

  constructor(client: Client, request: JoinGroupRequest, options: GroupMemberOptions) {
    const { consume } = ConsumerGroupService.method;
    const { joinTimeoutMs, signal } = options;
    this.#options = options;
    this.#call = client.makeBidiStreamRequest(
      methodPath(consume),
      serializer(consume.input),
      (bytes): Told => ({ message: decodeToConsumer(bytes) }),
    );
    const late = setTimeout(() => {
      this.#late = new DeadlineExceededError(`The service let nobody join within ${joinTimeoutMs} ms`);
      this.#call.cancel();
    }, joinTimeoutMs);
    this.joined = new Promise((resolve, reject) => {
      this.#joined = (error) => {
        clearTimeout(late);
        if (error === undefined) resolve(this);
        else reject(error);
      };
    });
    this.#call.on('data', (told: Told) => this.#take(told));
    this.#call.on('drain', () => {
      this.#writable = true;
      this.#flush();
    });
    // The same as the status, which always comes.
    this.#call.on('error', () => undefined);
    this.#call.on('status', (status: StatusObject) => this.#end(status));
    signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#write({ kind: 'JOIN', request });
  }

  get messages(): AsyncIterable<GroupMessage> {
    return { [Symbol.asyncIterator]: () => this.#read() };
  }

  async ack(positions: readonly bigint[]): Promise<readonly bigint[]> {
    validateAck(positions);
    return this.#answer([...positions]);
  }

  async nack(nack: Nack): Promise<readonly bigint[]> {
    validateNack(nack);
    return this.#answer([nack.position], nack);
  }

  setMaxInFlight(events: number): void {
    validateCredit(events);
    this.#credit = events;
    this.#flushSoon();
  }

  /** The call is not half-closed, so that answers still get through; the service ends it. */
  async leave(): Promise<void> {
    this.#leaving = true;
    if (this.#over !== undefined) return;
    this.#flushSoon();
    await new Promise<void>((resolve) => {
      this.#whenOver.push(resolve);
    });
  }

  #answer(positions: readonly bigint[], nack?: Nack): Promise<readonly bigint[]> {
    if (this.#over !== undefined) return Promise.reject(this.#over.error ?? ended());
    const lost = this.#answers.add(positions, nack);
    this.#flushSoon();
    return lost;
  }

  /** What is said in one turn of the event loop goes together. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  /** Wishes first: with room from an ack, more would be delivered to who has said before that it wants no more. */
  #flush(): void {
    while (this.#writable && this.#over === undefined) {
      const message = this.#nextWish() ?? this.#answers.next();
      if (message === undefined) return;
      this.#write(message);
    }
  }

  #nextWish(): FromConsumer | undefined {
    if (this.#credit !== undefined) {
      const maxInFlight = this.#credit;
      this.#credit = undefined;
      return { kind: 'CREDIT', maxInFlight };
    }
    if (!this.#leaving || this.#leaveSaid) return undefined;
    this.#leaveSaid = true;
    return { kind: 'LEAVE' };
  }

  #write(message: FromConsumer): void {
    this.#writable = this.#call.write(toWireFromConsumer(message));
  }

  #take({ message }: Told): void {
    if (this.#options.signal.aborted) return;
    switch (message?.kind) {
      case 'JOINED':
        this.memberId = message.memberId;
        this.ackTimeoutMs = message.ackTimeoutMs;
        return this.#joined();
      case 'RESULT':
        return this.#answers.settle(message.correlation, message.lost);
      case 'DRAINING':
        this.#options.onDraining();
        break;
      case undefined:
        return;
      case 'DELIVER':
      case 'REVOKED':
    }
    this.#messages.push(message);
    this.#wake();
  }

  async *#read(): AsyncGenerator<GroupMessage, void, undefined> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) yield message;
      else if (this.#over?.error !== undefined) throw this.#over.error;
      else if (this.#over !== undefined) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  #end(status: StatusObject): void {
    if (this.#over !== undefined) return;
    const { onEnd, signal } = this.#options;
    signal.removeEventListener('abort', this.#onAbort);
    const error = this.#errorOf(status);
    this.#over = { error };
    // What is lost is not worth the work.
    if (error !== undefined) this.#messages.length = 0;
    this.#answers.rejectAll(error ?? ended());
    this.#joined(error ?? ended());
    for (const resolve of this.#whenOver) resolve();
    this.#wake();
    onEnd(error);
  }

  #errorOf(status: StatusObject): Error | undefined {
    const { signal } = this.#options;
    if (signal.aborted) return signal.reason as Error;
    if (this.#late !== undefined) return this.#late;
    if (status.code !== StatusCode.OK) return fromStatusObject(status);
    return this.#leaveSaid ? undefined : ended();
  }
}

function ended(): StoreUnavailableError {
  return new StoreUnavailableError('The membership has ended', {
    outcome: 'UNKNOWN',
    retryAfterMilliseconds: 0,
  });
}
