import { Metadata, type ServerDuplexStream } from '@grpc/grpc-js';
import type { ConsumeRequest, ConsumeResponse } from '../../../gen/headwater/v1/consumer_group_service_pb.js';
import type { Caller } from '../../auth/caller.js';
import type { Plan, Resource } from '../../auth/plan.js';
import type { GroupMembership, JoinGroupRequest } from '../../core/consumer-groups.js';
import {
  DeadlineExceededError,
  type HeadwaterError,
  InvalidRequestError,
  OverloadedError,
} from '../../core/errors.js';
import { GroupNotFoundError } from '../../core/follower-errors.js';
import type { Logger } from '../../core/logger.js';
import type { EventSelection } from '../../core/selection.js';
import type { GroupHost } from '../../subscriptions/groups/group-host.js';
import {
  encodeDeliveries,
  type FromConsumer,
  fromWireFromConsumer,
  type ToConsumer,
  toWireToConsumer,
} from '../../wire/consume.js';
import type { Received } from '../../wire/method.js';
import { oneMessageAhead } from '../../wire/one-message-ahead.js';
import { CallGoneError, type CallScope } from '../call-scope.js';
import { shuttingDown } from '../calls.js';
import type { Admission } from '../admission.js';
import type { Desk } from '../desk.js';
import { toServiceError } from '../failure.js';
import { Outbox } from '../outbox.js';
import { resourcesOf } from '../resources.js';
import { AnswersUnderWay } from './answers-under-way.js';

/** Bytes that may wait in a call before more is sent to its consumer. */
const WINDOW = 512 * 1024;
/** Milliseconds in which a consumer must say what it joins. */
const JOIN_TIMEOUT = 10_000;
/** What a position takes on the wire at most. */
const POSITION_BYTES = 10;

export interface ConsumeSessionParts {
  readonly call: ServerDuplexStream<Received<ConsumeRequest>, ConsumeResponse>;
  readonly scope: CallScope;
  readonly desk: Desk;
  readonly rpc: string;
  readonly admission: Admission;
  readonly groups: GroupHost;
  readonly logger: Logger;
}

/** One Consume call: a member of a group from its join until it leaves, is lost or is sent away. */
export class ConsumeSession {
  readonly #parts: ConsumeSessionParts;
  readonly #outbox: Outbox;
  readonly #late: NodeJS.Timeout;
  /** Aborted when the call is over, which ends the membership: what it had goes to others. */
  readonly #over = new AbortController();
  readonly #answers = new AnswersUnderWay();
  #ended = false;
  #asked = false;
  #membership: GroupMembership | undefined;
  /** The membership has ended as it was to: answers that come now are too late to be failures. */
  #left = false;
  #leaving = false;
  #draining = false;

  constructor(parts: ConsumeSessionParts) {
    this.#parts = parts;
    this.#outbox = new Outbox(parts.call, WINDOW);
    this.#late = setTimeout(
      () => this.#end(new DeadlineExceededError(`The consumer did not join within ${JOIN_TIMEOUT} ms`)),
      JOIN_TIMEOUT,
    );
  }

  start(): void {
    const { call, scope } = this.#parts;
    oneMessageAhead(call);
    scope.signal.addEventListener('abort', () => this.#abandoned(), { once: true });
    scope.onDrain = () => this.#drain();
    call.on('end', () => void this.#halfClosed());
    call.on('data', (received: Received<ConsumeRequest>) => this.#receive(received));
    call.sendMetadata(new Metadata());
  }

  #receive(received: Received<ConsumeRequest>): void {
    if (this.#ended) return;
    try {
      this.#take(fromWireFromConsumer(this.#parts.desk.accept(received)));
    } catch (error) {
      this.#fail(error);
    }
  }

  #take(message: FromConsumer): void {
    const membership = this.#membership;
    if (message.kind === 'JOIN') {
      if (this.#asked) throw misplaced('join', 'is said already');
      this.#join(message.request).catch((error: unknown) => this.#fail(error));
      return;
    }
    // Behind the join nothing is read until it is done.
    if (membership === undefined) throw misplaced('message', 'must be join, as the first');
    switch (message.kind) {
      case 'ACK': {
        const { correlation, positions } = message;
        return this.#answer(correlation, positions.length, membership.ack(positions));
      }
      case 'NACK':
        return this.#answer(message.correlation, 1, membership.nack(message.nack));
      case 'CREDIT':
        return membership.setMaxInFlight(message.maxInFlight);
      case 'LEAVE':
        this.#leaving = true;
        return this.#leave(membership);
    }
  }

  async #join(request: JoinGroupRequest): Promise<void> {
    const { admission, groups, logger } = this.#parts;
    this.#asked = true;
    clearTimeout(this.#late);
    this.#readOn();
    const { signal } = this.#over;
    // To consume is to read what the group is about, which somebody else has chosen, and may change.
    const permit = ({ scope }: EventSelection) =>
      void admission.keep(consumePlan(admission.caller, request.group, resourcesOf(scope)));
    try {
      permit((await groups.get(request.group, { signal })).group.selection);
    } catch (error) {
      // Which groups there are is for those to know who may consume them all.
      if (error instanceof GroupNotFoundError) permit({});
      throw error;
    }
    if (this.#ended) return;
    const membership = await groups.join(request, { signal, permit });
    if (this.#ended) return;
    this.#membership = membership;
    const { ackTimeoutMs, memberId } = membership;
    const { group, memberName: name = '' } = request;
    logger.info('A consumer is there', { group, member: memberId, name });
    this.#send({ kind: 'JOINED', memberId, ackTimeoutMs });
    this.#readOn();
    try {
      await this.#hand(membership);
    } finally {
      logger.info('A consumer is gone', { group, member: memberId, name });
    }
  }

  /** Hands on what comes, as fast as the consumer takes it, until the membership has ended. */
  async #hand({ messages }: GroupMembership): Promise<void> {
    for await (const message of messages) {
      if (this.#ended) return;
      this.#send(message);
      if (!(await this.#room())) return;
    }
    // The consumer is still to hear what became of its last answers.
    this.#left = true;
    await this.#answers.none();
    this.#end(this.#draining && !this.#leaving ? shuttingDown() : undefined);
  }

  /** An ack or nack is being committed. */
  #answer(correlation: bigint, positions: number, committed: Promise<readonly bigint[]>): void {
    this.#answers.begin(positions);
    this.#readOn();
    committed
      .then(
        async (lost) => {
          if (correlation === 0n) return;
          this.#send({ kind: 'RESULT', correlation, lost });
          await this.#room();
        },
        (error: unknown) => {
          if (!this.#left) this.#fail(error);
        },
      )
      .finally(() => {
        this.#answers.end(positions);
        this.#readOn();
      });
  }

  /** Reads the consumer's messages while there is room for what they come to. */
  #readOn(): void {
    if (this.#ended) return;
    const { call } = this.#parts;
    const joining = this.#asked && this.#membership === undefined;
    if (joining || !this.#answers.hasRoom) call.pause();
    else if (call.isPaused()) call.resume();
  }

  #send(message: ToConsumer): void {
    if (this.#ended) return;
    if (message.kind === 'DELIVER')
      for (const bytes of encodeDeliveries(message.deliveries)) this.#outbox.write(bytes);
    else this.#outbox.send(toWireToConsumer(message), sizeOf(message));
  }

  /** Resolves when the consumer has taken enough for more; with `false` when the call is over, as after too long a time. */
  async #room(): Promise<boolean> {
    if (this.#ended) return false;
    const { stallTimeoutMs } = this.#parts.desk;
    if (this.#outbox.hasRoom || (await this.#outbox.room(stallTimeoutMs))) return !this.#ended;
    const error = new OverloadedError(`The consumer took nothing for ${stallTimeoutMs} ms`, {
      limit: 'stall',
    });
    this.#end(error);
    return false;
  }

  /** No more is delivered; the messages end when all is answered, and the call with them. */
  #leave(membership: GroupMembership): void {
    membership.leave().catch((error: unknown) => this.#fail(error));
  }

  #drain(): void {
    this.#draining = true;
    const membership = this.#membership;
    if (membership === undefined) return this.#end(shuttingDown());
    this.#send({ kind: 'DRAINING' });
    this.#leave(membership);
  }

  /** No more answers come: what has none is for others. */
  async #halfClosed(): Promise<void> {
    await this.#answers.none();
    this.#end();
  }

  #fail(error: unknown): void {
    const { desk, rpc } = this.#parts;
    if (!this.#ended) this.#end(desk.failure(error, rpc));
  }

  /** The call is over, with an error if the consumer is sent away for one. */
  #end(error?: HeadwaterError): void {
    if (this.#ended) return;
    this.#close();
    // With an abort, deliveries that are not answered count as tried. That the service shuts down is not the consumer's
    // fault, and the host ends what is left.
    if (!this.#draining) this.#abort();
    const { call } = this.#parts;
    if (error === undefined) call.end();
    else call.emit('error', toServiceError(error));
  }

  #abandoned(): void {
    const { desk, rpc, scope } = this.#parts;
    if (this.#ended) return;
    if (!scope.gone) return this.#end(desk.failure(scope.signal.reason, rpc));
    this.#close();
    this.#abort();
  }

  #abort(): void {
    this.#over.abort(new CallGoneError('The call has ended'));
  }

  #close(): void {
    this.#ended = true;
    clearTimeout(this.#late);
    this.#outbox.close();
  }
}

function consumePlan(caller: Caller, group: string, reads: readonly Resource[]): Plan {
  return { ...caller, action: 'consume', resources: [{ kind: 'CONSUMER_GROUP', group }, ...reads] };
}

function misplaced(field: string, description: string): InvalidRequestError {
  return new InvalidRequestError([{ field, description }]);
}

/** About how many bytes it takes. */
function sizeOf(message: Exclude<ToConsumer, { readonly kind: 'DELIVER' }>): number {
  switch (message.kind) {
    case 'RESULT':
      return message.lost.length * POSITION_BYTES;
    case 'REVOKED':
      return message.positions.length * POSITION_BYTES;
    case 'JOINED':
    case 'DRAINING':
      return 0;
  }
}
