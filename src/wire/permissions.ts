import { create } from '@bufbuild/protobuf';
import {
  type ExplainRequest as WireExplainRequest,
  ExplainRequestSchema,
  type ExplainResponse as WireExplainResponse,
  ExplainResponseSchema,
  type GetPermissionModelResponse as WireGetPermissionModelResponse,
  GetPermissionModelResponseSchema,
  type ListCommandsResponse as WireListCommandsResponse,
  ListCommandsResponseSchema,
} from '../../gen/headwater/v1/command_service_pb.js';
import type { CommandTypeInfo } from '../auth/command-type.js';
import type { Policy } from '../auth/policy.js';
import type { Principal, RoleBinding } from '../auth/principal.js';
import { typeNameProblem, Violations } from '../core/validate.js';
import { readWireBinding, toWireBinding } from './access.js';
import { fromWirePolicy, readWireCommandType, toWireCommandType, toWirePolicy } from './command-type.js';

/** A command type, and who decides it. */
export interface RegisteredCommand {
  readonly command: CommandTypeInfo;
  /** A domain module in the service does. */
  readonly inService: boolean;
  /** So many workers do. */
  readonly workers: number;
}

export function toWireCommandList(commands: readonly RegisteredCommand[]): WireListCommandsResponse {
  return create(ListCommandsResponseSchema, {
    commands: commands.map(({ command, inService, workers }) => ({
      command: toWireCommandType(command),
      inService,
      workers,
    })),
  });
}

export function fromWireCommandList({ commands }: WireListCommandsResponse): readonly RegisteredCommand[] {
  return commands.map(({ command, inService, workers }) => ({
    command: readWireCommandType(command),
    inService,
    workers,
  }));
}

/** Who may send what: command types by roles and scopes. */
export interface PermissionModel {
  /** All that a policy names. */
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  /** By command type. */
  readonly permissions: readonly { readonly commandType: string; readonly policies: readonly Policy[] }[];
}

export function toWirePermissionModel(model: PermissionModel): WireGetPermissionModelResponse {
  return create(GetPermissionModelResponseSchema, {
    roles: [...model.roles],
    scopes: [...model.scopes],
    permissions: model.permissions.map(({ commandType, policies }) => ({
      commandType,
      policies: policies.map(toWirePolicy),
    })),
  });
}

export function fromWirePermissionModel(model: WireGetPermissionModelResponse): PermissionModel {
  return {
    roles: model.roles,
    scopes: model.scopes,
    permissions: model.permissions.map(({ commandType, policies }) => ({
      commandType,
      policies: policies.map(fromWirePolicy),
    })),
  };
}

/** Whose command is asked about. */
export interface ExplainRequest {
  readonly commandType: string;
  /** @default a new aggregate */
  readonly aggregateId?: string;
  /**
   * JSON data, where a policy takes the resource from it.
   * @default none
   */
  readonly json?: Uint8Array;
  /** @default the caller */
  readonly principal?: Principal & { readonly kind: 'USER' };
}

export function toWireExplainRequest(request: ExplainRequest): WireExplainRequest {
  const { aggregateId = '', commandType, json, principal } = request;
  return create(ExplainRequestSchema, {
    commandType,
    aggregateId,
    ...(json ? { json } : {}),
    ...(principal
      ? { principal: { id: principal.id, bindings: principal.bindings.map(toWireBinding) } }
      : {}),
  });
}

/** What is asked; throws `InvalidRequestError` for a name that is none. */
export function fromWireExplainRequest(request: WireExplainRequest): ExplainRequest {
  const violations = new Violations();
  const { aggregateId, commandType, json, principal } = request;
  const problem = typeNameProblem(commandType);
  if (problem !== undefined) violations.add('command_type', problem);
  principal?.bindings.forEach(({ role, scope }, index) => {
    if (role === '') violations.add(`principal.bindings[${index}].role`, 'must be set');
    if (scope === '') violations.add(`principal.bindings[${index}].scope`, 'must be set');
  });
  violations.throwIfAny();
  return {
    commandType,
    ...(aggregateId === '' ? {} : { aggregateId }),
    ...(json.byteLength === 0 ? {} : { json: new Uint8Array(json) }),
    ...(principal
      ? { principal: { kind: 'USER', id: principal.id, bindings: principal.bindings.map(readWireBinding) } }
      : {}),
  };
}

/** Why a command would be allowed or refused. */
export interface Explanation {
  readonly allowed: boolean;
  /** In one sentence. */
  readonly summary: string;
  /** Each policy with each binding. */
  readonly verdicts: readonly {
    /** As text. */
    readonly policy: string;
    /** `undefined` if the principal has none. */
    readonly binding: RoleBinding | undefined;
    readonly allows: boolean;
    /** What speaks against it; empty if it allows. */
    readonly because: string;
  }[];
}

export function toWireExplanation({ allowed, summary, verdicts }: Explanation): WireExplainResponse {
  return create(ExplainResponseSchema, {
    allowed,
    summary,
    verdicts: verdicts.map(({ allows, because, binding, policy }) => ({
      policy,
      ...(binding ? { binding: toWireBinding(binding) } : {}),
      allows,
      because,
    })),
  });
}

export function fromWireExplanation({ allowed, summary, verdicts }: WireExplainResponse): Explanation {
  return {
    allowed,
    summary,
    verdicts: verdicts.map(({ allows, because, binding, policy }) => ({
      policy,
      binding: binding && readWireBinding(binding),
      allows,
      because,
    })),
  };
}
