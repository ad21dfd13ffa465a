import { create } from '@bufbuild/protobuf';
import {
  type ConsumerGroup as WireConsumerGroup,
  ConsumerGroupSchema,
  type GroupMember as WireGroupMember,
  GroupMemberSchema,
  type GroupSettings as WireGroupSettings,
  GroupSettingsSchema,
} from '../../gen/headwater/v1/consumer_group_pb.js';
import {
  type CreateGroupRequest as WireCreateGroupRequest,
  CreateGroupRequestSchema,
  type CreateGroupResponse as WireCreateGroupResponse,
  CreateGroupResponseSchema,
  type GetGroupResponse as WireGetGroupResponse,
  GetGroupResponseSchema,
  type ListGroupsRequest as WireListGroupsRequest,
  ListGroupsRequestSchema,
  type ListGroupsResponse as WireListGroupsResponse,
  ListGroupsResponseSchema,
  type ResetGroupRequest as WireResetGroupRequest,
  ResetGroupRequestSchema,
  type UpdateGroupRequest as WireUpdateGroupRequest,
  UpdateGroupRequestSchema,
} from '../../gen/headwater/v1/consumer_group_service_pb.js';
import type {
  ConsumerGroup,
  CreateGroupRequest,
  GroupList,
  GroupMember,
  GroupSettings,
  GroupState,
  PageRequest,
  UpdateGroupRequest,
} from '../core/consumer-groups.js';
import type { SubscribeStart } from '../core/subscribe.js';
import {
  groupSettings,
  validateCreateGroup,
  validateListGroups,
  validateResetGroup,
  validateUpdateGroup,
} from '../core/validate-group.js';
import { Violations } from '../core/validate.js';
import { fromWireLogPosition, toWireLogPosition } from './log-position.js';
import { fromWireMilliseconds, readWireMilliseconds, toWireMilliseconds } from './milliseconds.js';
import { fromWireSelection, fromWireStartPoint, toWireSelection, toWireStartPoint } from './selection.js';
import { readWireTimestamp, toWireTimestamp } from './timestamp.js';

/** A place to begin at, in a request about a group. */
export interface ResetGroupRequest {
  readonly name: string;
  readonly start?: SubscribeStart;
}

export function toWireCreateGroupRequest(request: CreateGroupRequest): WireCreateGroupRequest {
  const { name, selection, settings, slots = 0, start } = request;
  return create(CreateGroupRequestSchema, {
    name,
    slots,
    ...(selection ? { selection: toWireSelection(selection) } : {}),
    ...(start ? { start: toWireStartPoint(start) } : {}),
    ...(settings ? { settings: toWireSettings(settings) } : {}),
  });
}

/** Which group to create; throws `InvalidRequestError` with every field that is wrong. */
export function fromWireCreateGroupRequest(wire: WireCreateGroupRequest): CreateGroupRequest {
  const violations = new Violations();
  const request = {
    name: wire.name,
    ...(wire.selection ? { selection: fromWireSelection(wire.selection, violations) } : {}),
    ...(wire.start ? { start: fromWireStartPoint(wire.start, violations) } : {}),
    ...(wire.settings ? { settings: fromWireSettings(wire.settings, violations) } : {}),
    ...(wire.slots === 0 ? {} : { slots: wire.slots }),
  };
  violations.throwIfAny();
  validateCreateGroup(request);
  return request;
}

export function toWireUpdateGroupRequest(request: UpdateGroupRequest): WireUpdateGroupRequest {
  const { name, selection, settings } = request;
  return create(UpdateGroupRequestSchema, {
    name,
    ...(selection ? { selection: toWireSelection(selection) } : {}),
    ...(settings ? { settings: toWireSettings(settings) } : {}),
  });
}

/** What to change; throws `InvalidRequestError` with every field that is wrong. */
export function fromWireUpdateGroupRequest(wire: WireUpdateGroupRequest): UpdateGroupRequest {
  const violations = new Violations();
  const request = {
    name: wire.name,
    ...(wire.selection ? { selection: fromWireSelection(wire.selection, violations) } : {}),
    ...(wire.settings ? { settings: fromWireSettings(wire.settings, violations) } : {}),
  };
  violations.throwIfAny();
  validateUpdateGroup(request);
  return request;
}

export function toWireListGroupsRequest({
  pageSize = 0,
  pageToken = '',
}: PageRequest): WireListGroupsRequest {
  return create(ListGroupsRequestSchema, { pageSize, pageToken });
}

/** Which page; throws `InvalidRequestError` for a size over the limit. */
export function fromWireListGroupsRequest(wire: WireListGroupsRequest): PageRequest {
  const request = pageOf(wire);
  validateListGroups(request);
  return request;
}

/** The page that a list request asks for. */
export function pageOf({
  pageSize,
  pageToken,
}: Pick<WireListGroupsRequest, 'pageSize' | 'pageToken'>): PageRequest {
  return { ...(pageSize === 0 ? {} : { pageSize }), ...(pageToken === '' ? {} : { pageToken }) };
}

export function toWireResetGroupRequest({ name, start }: ResetGroupRequest): WireResetGroupRequest {
  return create(ResetGroupRequestSchema, { name, ...(start ? { start: toWireStartPoint(start) } : {}) });
}

/** Where to move a group; throws `InvalidRequestError` with every field that is wrong. */
export function fromWireResetGroupRequest(wire: WireResetGroupRequest): ResetGroupRequest {
  const violations = new Violations();
  const start = wire.start && fromWireStartPoint(wire.start, violations);
  violations.throwIfAny();
  const request = { name: wire.name, ...(start ? { start } : {}) };
  validateResetGroup(request);
  return request;
}

function toWireSettings(settings: Partial<GroupSettings>): WireGroupSettings {
  const { ackTimeoutMs, maxAttempts = 0, maxRetryDelayMs, retryDelayMs } = settings;
  return create(GroupSettingsSchema, {
    maxAttempts,
    ...(ackTimeoutMs === undefined ? {} : { ackTimeout: toWireMilliseconds(ackTimeoutMs) }),
    ...(retryDelayMs === undefined ? {} : { retryDelay: toWireMilliseconds(retryDelayMs) }),
    ...(maxRetryDelayMs === undefined ? {} : { maxRetryDelay: toWireMilliseconds(maxRetryDelayMs) }),
  });
}

function fromWireSettings(wire: WireGroupSettings, violations: Violations): Partial<GroupSettings> {
  const { ackTimeout, maxAttempts, maxRetryDelay, retryDelay } = wire;
  const read = (duration: NonNullable<typeof ackTimeout>, field: string) =>
    fromWireMilliseconds(duration, `settings.${field}`, violations);
  return {
    ...(ackTimeout ? { ackTimeoutMs: read(ackTimeout, 'ack_timeout') } : {}),
    ...(maxAttempts === 0 ? {} : { maxAttempts }),
    ...(retryDelay ? { retryDelayMs: read(retryDelay, 'retry_delay') } : {}),
    ...(maxRetryDelay ? { maxRetryDelayMs: read(maxRetryDelay, 'max_retry_delay') } : {}),
  };
}

/** As {@link fromWireSettings} where the other side is the service, which says all of them. */
function readWireSettings(wire: WireGroupSettings | undefined): GroupSettings {
  if (wire === undefined) return groupSettings();
  return {
    ackTimeoutMs: readWireMilliseconds(wire.ackTimeout),
    maxAttempts: wire.maxAttempts,
    retryDelayMs: readWireMilliseconds(wire.retryDelay),
    maxRetryDelayMs: readWireMilliseconds(wire.maxRetryDelay),
  };
}

export function toWireGroup(group: ConsumerGroup): WireConsumerGroup {
  return create(ConsumerGroupSchema, {
    name: group.name,
    selection: toWireSelection(group.selection),
    settings: toWireSettings(group.settings),
    slots: group.slots,
    createdAt: toWireTimestamp(group.createdAt),
  });
}

export function fromWireGroup(wire: WireConsumerGroup | undefined): ConsumerGroup {
  return {
    name: wire?.name ?? '',
    // What the service sent it has looked at.
    selection: wire?.selection ? fromWireSelection(wire.selection, new Violations()) : {},
    settings: readWireSettings(wire?.settings),
    slots: wire?.slots ?? 0,
    createdAt: wire?.createdAt ? readWireTimestamp(wire.createdAt) : 0n,
  };
}

export function toWireCreatedGroup({
  created,
  ...group
}: ConsumerGroup & { readonly created: boolean }): WireCreateGroupResponse {
  return create(CreateGroupResponseSchema, { group: toWireGroup(group), created });
}

export function fromWireCreatedGroup({
  created,
  group,
}: WireCreateGroupResponse): ConsumerGroup & { readonly created: boolean } {
  return { ...fromWireGroup(group), created };
}

export function toWireGroupState(state: GroupState): WireGetGroupResponse {
  return create(GetGroupResponseSchema, {
    group: toWireGroup(state.group),
    position: toWireLogPosition(state.position),
    lag: state.lag,
    members: state.members.map(toWireMember),
    parked: state.parked,
  });
}

export function fromWireGroupState(wire: WireGetGroupResponse): GroupState {
  return {
    group: fromWireGroup(wire.group),
    position: fromWireLogPosition(wire.position ?? { position: 0n, epoch: 0n }),
    lag: wire.lag,
    members: wire.members.map(fromWireMember),
    parked: wire.parked,
  };
}

function toWireMember({ joinedAt, memberId, name, slots }: GroupMember): WireGroupMember {
  return create(GroupMemberSchema, { memberId, name, slots, joinedAt: toWireTimestamp(joinedAt) });
}

function fromWireMember({ joinedAt, memberId, name, slots }: WireGroupMember): GroupMember {
  return { memberId, name, slots, joinedAt: joinedAt ? readWireTimestamp(joinedAt) : 0n };
}

export function toWireGroupList({ groups, nextPageToken = '' }: GroupList): WireListGroupsResponse {
  return create(ListGroupsResponseSchema, { groups: groups.map(toWireGroup), nextPageToken });
}

export function fromWireGroupList({ groups, nextPageToken }: WireListGroupsResponse): GroupList {
  return { groups: groups.map(fromWireGroup), nextPageToken: nextPageToken || undefined };
}
