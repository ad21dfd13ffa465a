import { create } from '@bufbuild/protobuf';
import {
  ConsumerGroupService,
  DeleteGroupRequestSchema,
  GetGroupRequestSchema,
} from '../../gen/headwater/v1/consumer_group_service_pb.js';
import type { CallOptions } from '../core/call-options.js';
import type {
  ConsumerGroup,
  ConsumerGroups,
  CreateGroupRequest,
  GroupList,
  GroupMembership,
  GroupState,
  JoinGroupRequest,
  PageRequest,
  ParkedList,
  ReplayParkedRequest,
  UpdateGroupRequest,
} from '../core/consumer-groups.js';
import type { LogPosition } from '../core/subscribe.js';
import {
  validateCreateGroup,
  validateGroupName,
  validateJoinGroup,
  validateListGroups,
  validateListParked,
  validateReplayParked,
  validateResetGroup,
  validateUpdateGroup,
} from '../core/validate-group.js';
import {
  fromWireCreatedGroup,
  fromWireGroup,
  fromWireGroupList,
  fromWireGroupState,
  type ResetGroupRequest,
  toWireCreateGroupRequest,
  toWireListGroupsRequest,
  toWireResetGroupRequest,
  toWireUpdateGroupRequest,
} from '../wire/consumer-group.js';
import { fromWireLogPosition } from '../wire/log-position.js';
import {
  fromWireParkedList,
  toWireListParkedRequest,
  toWireReplayParkedRequest,
} from '../wire/parked-stream.js';
import { ask, type AskOptions, type AskParts } from './ask.js';
import { joinGroup } from './join-group.js';

const { createGroup, deleteGroup, getGroup, listGroups, listParked, replayParked, resetGroup, updateGroup } =
  ConsumerGroupService.method;

export interface ConsumerGroupsClientParts extends AskParts {
  /** Milliseconds for which a request, and joining, is tried. */
  readonly timeoutMs: number;
}

/**
 * Consumer groups of a service. A membership is one call on one connection; when it ends with an error that may pass, join
 * again, which then tries the next address.
 *
 * @example
 * await connection.consumerGroups.create({ name: 'mailer' });
 * const membership = await connection.consumerGroups.join({ group: 'mailer' });
 * for await (const message of membership.messages)
 *   if (message.kind === 'DELIVER')
 *     for (const { events } of message.deliveries) await membership.ack(events.map(({ position }) => position));
 */
export class ConsumerGroupsClient implements ConsumerGroups {
  readonly #parts: ConsumerGroupsClientParts;

  constructor(parts: ConsumerGroupsClientParts) {
    this.#parts = parts;
  }

  async create(
    request: CreateGroupRequest,
    options?: CallOptions,
  ): Promise<ConsumerGroup & { readonly created: boolean }> {
    validateCreateGroup(request);
    const wire = toWireCreateGroupRequest(request);
    return fromWireCreatedGroup(await ask(this.#parts, createGroup, wire, this.#patience(options)));
  }

  async update(request: UpdateGroupRequest, options?: CallOptions): Promise<ConsumerGroup> {
    validateUpdateGroup(request);
    const wire = toWireUpdateGroupRequest(request);
    const { group } = await ask(this.#parts, updateGroup, wire, this.#patience(options));
    return fromWireGroup(group);
  }

  async delete(name: string, options?: CallOptions): Promise<void> {
    validateGroupName(name);
    // Sent twice, it would fail because it was done.
    const once = { ...this.#patience(options), idempotent: false };
    await ask(this.#parts, deleteGroup, create(DeleteGroupRequestSchema, { name }), once);
  }

  async get(name: string, options?: CallOptions): Promise<GroupState> {
    validateGroupName(name);
    const wire = create(GetGroupRequestSchema, { name });
    return fromWireGroupState(await ask(this.#parts, getGroup, wire, this.#patience(options)));
  }

  async list(request: PageRequest = {}, options?: CallOptions): Promise<GroupList> {
    validateListGroups(request);
    const wire = toWireListGroupsRequest(request);
    return fromWireGroupList(await ask(this.#parts, listGroups, wire, this.#patience(options)));
  }

  async listParked(
    request: PageRequest & { readonly group: string },
    options?: CallOptions,
  ): Promise<ParkedList> {
    validateListParked(request);
    const wire = toWireListParkedRequest(request);
    return fromWireParkedList(await ask(this.#parts, listParked, wire, this.#patience(options)));
  }

  async replayParked(request: ReplayParkedRequest, options?: CallOptions): Promise<bigint> {
    validateReplayParked(request);
    const wire = toWireReplayParkedRequest(request);
    // Sent twice with skipFirst it might leave out two events.
    const how = { ...this.#patience(options), idempotent: request.skipFirst !== true };
    return (await ask(this.#parts, replayParked, wire, how)).streams;
  }

  async reset(request: ResetGroupRequest, options?: CallOptions): Promise<LogPosition> {
    validateResetGroup(request);
    const wire = toWireResetGroupRequest(request);
    // Sent twice it would move back what was done in between.
    const once = { ...this.#patience(options), idempotent: false };
    const { position } = await ask(this.#parts, resetGroup, wire, once);
    return fromWireLogPosition(position ?? { position: 0n, epoch: 0n });
  }

  async join(
    request: JoinGroupRequest,
    { signal }: Pick<CallOptions, 'signal'> = {},
  ): Promise<GroupMembership> {
    validateJoinGroup(request);
    return joinGroup(this.#parts, request, signal);
  }

  #patience({ signal, timeoutMilliseconds }: CallOptions = {}): AskOptions {
    return { signal, timeoutMs: timeoutMilliseconds ?? this.#parts.timeoutMs };
  }
}
