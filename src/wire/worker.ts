import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type Accepted as WireAccepted,
  type Decide as WireDecide,
  DecideSchema,
  type Decision as WireDecision,
  DecisionSchema,
  type HandleRequest,
  HandleRequestSchema,
  type HandleResponse,
  HandleResponseSchema,
  type RegisterWorker,
  type Rejected as WireRejected,
} from '../../gen/headwater/v1/command_service_pb.js';
import type { CommandTypeInfo } from '../auth/command-type.js';
import type { AppendCondition } from '../core/append.js';
import type { Command } from '../core/command.js';
import { CommandRejectedError, InvalidRequestError } from '../core/errors.js';
import type { Event, NewEvent } from '../core/event.js';
import type { ExpectedVersion } from '../core/expected-version.js';
import type { NewSnapshot, Snapshot } from '../core/snapshot.js';
import type { StreamId } from '../core/stream.js';
import { textProblem, utf8Bytes, Violations } from '../core/validate.js';
import { fromWireCondition, toWireCondition } from './append-condition.js';
import { fromWireCommandType, toWireCommandType } from './command-type.js';
import { fromWireCommand, toWireCommand } from './command.js';
import { fromWireEvent, toWireEvent } from './event.js';
import { fromWireExpectedVersion, toWireExpectedVersion } from './expected-version.js';
import { fromWireNewEvent, toWireNewEvent } from './new-event.js';
import { fromWireNewSnapshot, fromWireSnapshot, toWireNewSnapshot, toWireSnapshot } from './snapshot.js';
import { rejectionCodeOf, StatusCode } from './status-code.js';
import { fromWireStream, readWireStream, toWireStream } from './stream.js';

/** What a worker says it can do. */
export interface Registration {
  /** For logs; may be empty. */
  readonly name: string;
  readonly commands: readonly CommandTypeInfo[];
  /** Commands that it takes at a time. */
  readonly maxInFlight: number;
  /** It keeps the aggregates that it has seen. */
  readonly keepsState: boolean;
}

/** What a worker makes of a command. */
export type Outcome =
  | {
      readonly kind: 'ACCEPTED';
      readonly events: readonly NewEvent[];
      readonly condition?: AppendCondition;
      readonly checks?: readonly { readonly stream: StreamId; readonly expectedVersion: ExpectedVersion }[];
      readonly snapshot?: NewSnapshot;
    }
  | { readonly kind: 'REJECTED'; readonly error: CommandRejectedError }
  | { readonly kind: 'NEEDS_EVENTS' };

/** What a worker says. */
export type FromWorker =
  | { readonly kind: 'REGISTER'; readonly registration: Registration }
  | { readonly kind: 'DECISION'; readonly correlation: bigint; readonly outcome: Outcome }
  | { readonly kind: 'DRAINING' };

/** A command to decide, or more events for one. */
export interface DecidePage {
  readonly correlation: bigint;
  /** In the first page only, as all that may be missing. */
  readonly command?: Command;
  readonly aggregate?: StreamId;
  /** To which the events lead; 0 if it has none. */
  readonly version: bigint;
  readonly snapshot?: Snapshot;
  /** The version that the worker has been sent already; 0 if it begins anew. */
  readonly afterVersion: bigint;
  readonly events: readonly Event[];
  readonly more: boolean;
  /** The id of who sends the command; empty for nobody in particular. */
  readonly principal: string;
}

/** What a worker is told. */
export type ToWorker =
  | { readonly kind: 'REGISTERED'; readonly workerId: string; readonly decideTimeoutMs: number }
  | { readonly kind: 'DECIDE'; readonly page: DecidePage }
  | { readonly kind: 'CANCEL'; readonly correlation: bigint }
  | { readonly kind: 'DRAINING' };

const DEFAULT_IN_FLIGHT = 16;
const MOST_IN_FLIGHT = 1000;
const COMMANDS = 1000;
const NAME_BYTES = 255;
const FACT_BYTES = 1024;
const DOMAIN_REASON = /^[A-Z0-9_]{1,63}$/;
/** Keys that an ErrorInfo has for itself. */
const RESERVED = ['domain_reason', 'outcome'];

export function toWireFromWorker(message: FromWorker): HandleRequest {
  switch (message.kind) {
    case 'REGISTER': {
      const { commands, ...rest } = message.registration;
      return create(HandleRequestSchema, {
        message: { case: 'register', value: { ...rest, commands: commands.map(toWireCommandType) } },
      });
    }
    case 'DECISION': {
      const { correlation, outcome } = message;
      const value = create(DecisionSchema, { correlation, outcome: toWireOutcome(outcome) });
      return create(HandleRequestSchema, { message: { case: 'decision', value } });
    }
    case 'DRAINING':
      return create(HandleRequestSchema, { message: { case: 'draining', value: {} } });
  }
}

/** What the worker says; throws `InvalidRequestError` for what it must not say. */
export function fromWireFromWorker({ message }: HandleRequest): FromWorker {
  switch (message.case) {
    case 'register':
      return { kind: 'REGISTER', registration: fromWireRegistration(message.value) };
    case 'decision':
      return {
        kind: 'DECISION',
        correlation: message.value.correlation,
        outcome: fromWireOutcome(message.value),
      };
    case 'draining':
      return { kind: 'DRAINING' };
    default:
      throw new InvalidRequestError([
        { field: 'message', description: 'must be set, to something that this service knows' },
      ]);
  }
}

function fromWireRegistration(register: RegisterWorker): Registration {
  const violations = new Violations();
  const { keepsState, maxInFlight, name } = register;
  const wrongName = utf8Bytes(name) > NAME_BYTES ? `is longer than ${NAME_BYTES} bytes` : textProblem(name);
  if (wrongName !== undefined) violations.add('register.name', wrongName);
  if (maxInFlight > MOST_IN_FLIGHT)
    violations.add('register.max_in_flight', `is ${maxInFlight}, the limit is ${MOST_IN_FLIGHT}`);
  const count = register.commands.length;
  if (count === 0) violations.add('register.commands', 'must name at least one command type');
  if (count > COMMANDS) violations.add('register.commands', `has ${count}, the limit is ${COMMANDS}`);
  violations.throwIfAny();
  const seen = new Set<string>();
  const commands = register.commands.map((command, index) => {
    const path = `register.commands[${index}]`;
    const { commandType } = command;
    if (seen.has(commandType)) violations.add(`${path}.command_type`, `is ${commandType}, named twice`);
    seen.add(commandType);
    return fromWireCommandType(command, path, violations);
  });
  violations.throwIfAny();
  return { name, commands, maxInFlight: maxInFlight || DEFAULT_IN_FLIGHT, keepsState };
}

type WireOutcome = NonNullable<MessageInitShape<typeof DecisionSchema>['outcome']>;

function toWireOutcome(outcome: Outcome): WireOutcome {
  switch (outcome.kind) {
    case 'ACCEPTED':
      return {
        case: 'accepted',
        value: {
          events: outcome.events.map(toWireNewEvent),
          ...(outcome.condition ? { condition: toWireCondition(outcome.condition) } : {}),
          checks: (outcome.checks ?? []).map(({ expectedVersion, stream }) => ({
            stream: toWireStream(stream),
            expectedVersion: toWireExpectedVersion(expectedVersion),
          })),
          ...(outcome.snapshot ? { snapshot: toWireNewSnapshot(outcome.snapshot) } : {}),
        },
      };
    case 'REJECTED': {
      const { code, domainReason, facts, message } = outcome.error;
      return {
        case: 'rejected',
        value: { reason: domainReason, message, code: StatusCode[code], metadata: { ...facts } },
      };
    }
    case 'NEEDS_EVENTS':
      return { case: 'needsEvents', value: {} };
  }
}

function fromWireOutcome({ outcome }: WireDecision): Outcome {
  switch (outcome.case) {
    case 'accepted':
      return fromWireAccepted(outcome.value);
    case 'rejected':
      return { kind: 'REJECTED', error: fromWireRejected(outcome.value) };
    case 'needsEvents':
      return { kind: 'NEEDS_EVENTS' };
    default:
      throw new InvalidRequestError([
        { field: 'decision.outcome', description: 'must be set: accepted, rejected or needs_events' },
      ]);
  }
}

function fromWireAccepted(accepted: WireAccepted): Outcome {
  const violations = new Violations();
  const checks = accepted.checks.map(({ expectedVersion, stream }, index) => {
    const path = `decision.accepted.checks[${index}]`;
    return {
      stream: fromWireStream(stream, `${path}.stream`, violations),
      expectedVersion: fromWireExpectedVersion(expectedVersion, `${path}.expected_version`, violations),
    };
  });
  violations.throwIfAny();
  const { condition, events, snapshot } = accepted;
  return {
    kind: 'ACCEPTED',
    events: events.map(fromWireNewEvent),
    ...(condition ? { condition: fromWireCondition(condition) } : {}),
    ...(checks.length === 0 ? {} : { checks }),
    ...(snapshot ? { snapshot: fromWireNewSnapshot(snapshot) } : {}),
  };
}

function fromWireRejected({ code, message, metadata, reason }: WireRejected): CommandRejectedError {
  const violations = new Violations();
  if (!DOMAIN_REASON.test(reason))
    violations.add('decision.rejected.reason', 'must be 1 to 63 characters of A–Z, 0–9 and _');
  const name = code === 0 ? 'FAILED_PRECONDITION' : rejectionCodeOf(code);
  if (name === undefined)
    violations.add('decision.rejected.code', `is ${code}, it must be 3, 5, 6, 7, 8, 9, 10 or 11`);
  let bytes = 0;
  for (const [key, value] of Object.entries(metadata)) {
    bytes += utf8Bytes(key) + utf8Bytes(value);
    if (RESERVED.includes(key)) violations.add('decision.rejected.metadata', `has ${key}, which is reserved`);
  }
  if (bytes > FACT_BYTES)
    violations.add('decision.rejected.metadata', `is ${bytes} bytes long, the limit is ${FACT_BYTES}`);
  violations.throwIfAny();
  return new CommandRejectedError(reason, message === '' ? reason : message, {
    code: name ?? 'FAILED_PRECONDITION',
    facts: metadata,
  });
}

export function toWireToWorker(message: ToWorker): HandleResponse {
  switch (message.kind) {
    case 'REGISTERED': {
      const { decideTimeoutMs, workerId } = message;
      return create(HandleResponseSchema, {
        message: { case: 'registered', value: { workerId, decideTimeoutMs } },
      });
    }
    case 'DECIDE':
      return create(HandleResponseSchema, {
        message: { case: 'decide', value: toWireDecide(message.page) },
      });
    case 'CANCEL':
      return create(HandleResponseSchema, {
        message: { case: 'cancel', value: { correlation: message.correlation } },
      });
    case 'DRAINING':
      return create(HandleResponseSchema, { message: { case: 'draining', value: {} } });
  }
}

/** What the service says, or `undefined` for what this version does not know. */
export function fromWireToWorker({ message }: HandleResponse): ToWorker | undefined {
  switch (message.case) {
    case 'registered':
      return {
        kind: 'REGISTERED',
        workerId: message.value.workerId,
        decideTimeoutMs: message.value.decideTimeoutMs,
      };
    case 'decide':
      return { kind: 'DECIDE', page: fromWireDecide(message.value) };
    case 'cancel':
      return { kind: 'CANCEL', correlation: message.value.correlation };
    case 'draining':
      return { kind: 'DRAINING' };
    default:
      return undefined;
  }
}

function toWireDecide(page: DecidePage): WireDecide {
  const { command, aggregate, events, snapshot, ...rest } = page;
  return create(DecideSchema, {
    ...rest,
    ...(command ? { command: toWireCommand(command) } : {}),
    ...(aggregate ? { aggregate: toWireStream(aggregate) } : {}),
    ...(snapshot ? { snapshot: toWireSnapshot(snapshot) } : {}),
    events: events.map(toWireEvent),
  });
}

function fromWireDecide(page: WireDecide): DecidePage {
  return {
    correlation: page.correlation,
    ...(page.command ? { command: fromWireCommand(page.command) } : {}),
    ...(page.aggregate ? { aggregate: readWireStream(page.aggregate) } : {}),
    version: page.version,
    ...(page.snapshot ? { snapshot: fromWireSnapshot(page.snapshot) } : {}),
    afterVersion: page.afterVersion,
    events: page.events.map(fromWireEvent),
    more: page.more,
    principal: page.principal,
  };
}
