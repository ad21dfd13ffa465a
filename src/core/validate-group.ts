import {
  type CreateGroupRequest,
  DEFAULT_GROUP_SETTINGS,
  type GroupSettings,
  type JoinGroupRequest,
  type Nack,
  type PageRequest,
  type ReplayParkedRequest,
  type UpdateGroupRequest,
} from './consumer-groups.js';
import { LIST_PAGE, MAX_BIGINT, NAME_BYTES } from './limits.js';
import type { SubscribeStart } from './subscribe.js';
import { validateLogPosition, validateStream } from './validate-append.js';
import { validateSelection } from './validate-read.js';
import { textProblem, typeNameProblem, utf8Bytes, Violations } from './validate.js';

/** Slots of a group. */
export const GROUP_SLOTS = 1024;
/** Events that may be under way to one member … */
export const GROUP_IN_FLIGHT = 10_000;
/** … and without a wish. */
export const DEFAULT_IN_FLIGHT = 64;
/** Positions of one ack. */
export const ACK_POSITIONS = 10_000;
/** Bytes of why an event could not be handled. */
export const NACK_REASON_BYTES = 1024;

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Throws `InvalidRequestError` with every field that is wrong. */
export function validateCreateGroup(request: CreateGroupRequest): void {
  const violations = new Violations();
  const { selection, settings, slots, start } = request;
  groupName(request.name, 'name', violations);
  if (selection) validateSelection(selection, violations, 'selection.');
  if (start) validateStart(start, violations);
  if (settings) validateSettings(settings, violations);
  if (slots !== undefined) within(slots, 1, GROUP_SLOTS, 'slots', violations);
  violations.throwIfAny();
}

/** Throws `InvalidRequestError` with every field that is wrong. */
export function validateUpdateGroup({ name, selection, settings }: UpdateGroupRequest): void {
  const violations = new Violations();
  groupName(name, 'name', violations);
  if (selection) validateSelection(selection, violations, 'selection.');
  if (settings) validateSettings(settings, violations);
  violations.throwIfAny();
}

/** Throws `InvalidRequestError` for what cannot be a group's name. */
export function validateGroupName(name: string): void {
  const violations = new Violations();
  groupName(name, 'name', violations);
  violations.throwIfAny();
}

/** Throws `InvalidRequestError` with every field that is wrong; the page token is looked at where it is read. */
export function validateListGroups({ pageSize }: PageRequest): void {
  const violations = new Violations();
  if (pageSize !== undefined) within(pageSize, 1, LIST_PAGE, 'page_size', violations);
  violations.throwIfAny();
}

/** Throws `InvalidRequestError` with every field that is wrong; the page token is looked at where it is read. */
export function validateListParked({ group, pageSize }: PageRequest & { readonly group: string }): void {
  const violations = new Violations();
  groupName(group, 'group', violations);
  if (pageSize !== undefined) within(pageSize, 1, LIST_PAGE, 'page_size', violations);
  violations.throwIfAny();
}

/** Throws `InvalidRequestError` with every field that is wrong. */
export function validateReplayParked({ group, stream }: ReplayParkedRequest): void {
  const violations = new Violations();
  groupName(group, 'group', violations);
  if (stream !== undefined) validateStream(stream, 'stream', violations);
  violations.throwIfAny();
}

/** Throws `InvalidRequestError` with every field that is wrong. */
export function validateResetGroup(request: {
  readonly name: string;
  readonly start?: SubscribeStart;
}): void {
  const violations = new Violations();
  groupName(request.name, 'name', violations);
  if (request.start) validateStart(request.start, violations);
  violations.throwIfAny();
}

/** Throws `InvalidRequestError` with every field that is wrong. */
export function validateJoinGroup({ group, maxInFlight, memberName = '' }: JoinGroupRequest): void {
  const violations = new Violations();
  groupName(group, 'join.group', violations);
  const wrong = textProblem(memberName);
  if (wrong !== undefined) violations.add('join.member_name', wrong);
  else if (utf8Bytes(memberName) > NAME_BYTES)
    violations.add('join.member_name', `is ${utf8Bytes(memberName)} bytes long, the limit is ${NAME_BYTES}`);
  if (maxInFlight !== undefined) within(maxInFlight, 1, GROUP_IN_FLIGHT, 'join.max_in_flight', violations);
  violations.throwIfAny();
}

/** Throws `InvalidRequestError` with every field that is wrong. */
export function validateAck(positions: readonly bigint[]): void {
  const violations = new Violations();
  if (positions.length === 0 || positions.length > ACK_POSITIONS)
    violations.add('ack.positions', `has ${positions.length}, it must have from 1 to ${ACK_POSITIONS}`);
  else positions.forEach((position, index) => eventPosition(position, `ack.positions[${index}]`, violations));
  violations.throwIfAny();
}

/** Throws `InvalidRequestError` with every field that is wrong. The reason may be anything, see {@link briefReason}. */
export function validateNack({ action, position }: Nack): void {
  const violations = new Violations();
  eventPosition(position, 'nack.position', violations);
  if (action?.kind === 'RETRY' && action.afterMs !== undefined)
    within(action.afterMs, 0, DAY, 'nack.retry_after', violations, ' ms');
  violations.throwIfAny();
}

/** Throws `InvalidRequestError` for what cannot be credit; 0 stops deliveries. */
export function validateCredit(maxInFlight: number): void {
  const violations = new Violations();
  within(maxInFlight, 0, GROUP_IN_FLIGHT, 'credit.max_in_flight', violations);
  violations.throwIfAny();
}

/** All settings of a group that named some. */
export function groupSettings(settings: Partial<GroupSettings> = {}): GroupSettings {
  return {
    ackTimeoutMs: settings.ackTimeoutMs ?? DEFAULT_GROUP_SETTINGS.ackTimeoutMs,
    maxAttempts: settings.maxAttempts ?? DEFAULT_GROUP_SETTINGS.maxAttempts,
    retryDelayMs: settings.retryDelayMs ?? DEFAULT_GROUP_SETTINGS.retryDelayMs,
    maxRetryDelayMs:
      settings.maxRetryDelayMs ??
      Math.max(DEFAULT_GROUP_SETTINGS.maxRetryDelayMs, settings.retryDelayMs ?? 0),
  };
}

/** Why an event could not be handled, as it can be kept: often what an exception said, and not worth a refusal. */
export function briefReason(reason = ''): string {
  const text = reason.toWellFormed().replaceAll('\u0000', '\uFFFD');
  if (utf8Bytes(text) <= NACK_REASON_BYTES) return text;
  let bytes = utf8Bytes('…');
  let end = 0;
  for (const character of text) {
    bytes += utf8Bytes(character);
    if (bytes > NACK_REASON_BYTES) break;
    end += character.length;
  }
  return `${text.slice(0, end)}…`;
}

function groupName(name: string, field: string, violations: Violations): void {
  const problem = typeNameProblem(name);
  if (problem !== undefined) violations.add(field, problem);
}

function validateStart(start: SubscribeStart, violations: Violations): void {
  if (start.kind === 'AFTER') validateLogPosition(start.after, 'start.after', violations);
}

/** What is left out is right, but for how it goes with the others. */
function validateSettings(settings: Partial<GroupSettings>, violations: Violations): void {
  const { ackTimeoutMs, maxAttempts, maxRetryDelayMs, retryDelayMs } = groupSettings(settings);
  within(ackTimeoutMs, 1000, HOUR, 'settings.ack_timeout', violations, ' ms');
  within(maxAttempts, 1, 1000, 'settings.max_attempts', violations);
  within(retryDelayMs, 0, HOUR, 'settings.retry_delay', violations, ' ms');
  within(maxRetryDelayMs, 0, DAY, 'settings.max_retry_delay', violations, ' ms');
  if (maxRetryDelayMs < retryDelayMs)
    violations.add(
      'settings.max_retry_delay',
      `is ${maxRetryDelayMs} ms, it must be at least retry_delay, which is ${retryDelayMs} ms`,
    );
}

function within(
  value: number,
  least: number,
  most: number,
  field: string,
  violations: Violations,
  unit = '',
): void {
  if (!(Number.isInteger(value) && value >= least && value <= most))
    violations.add(field, `is ${value}${unit}, it must be from ${least} to ${most}${unit}`);
}

function eventPosition(position: bigint, field: string, violations: Violations): void {
  if (!(typeof position === 'bigint' && position >= 1n && position <= MAX_BIGINT))
    violations.add(field, `is ${String(position)}, it must be from 1 to ${MAX_BIGINT}`);
}
