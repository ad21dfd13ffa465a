import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type AccessResource as WireResource,
  AccessResourceSchema,
  type AccessRule as WireRule,
  AccessRuleSchema,
  type ApiToken as WireToken,
  ApiTokenSchema,
  type RoleBinding as WireBinding,
  RoleBindingSchema,
  type RoleGrant as WireGrant,
  RoleGrantSchema,
} from '../../gen/headwater/v1/access_pb.js';
import type { ApiToken, RoleGrant } from '../auth/access-admin.js';
import type { AccessRule, BindingResource } from '../auth/access-rule.js';
import { type Action, ACTIONS, type Resource } from '../auth/plan.js';
import type { RoleBinding } from '../auth/principal.js';
import { nameProblem, typeNameProblem, type Violations } from '../core/validate.js';
import { fromWirePattern, toWirePattern } from './filter.js';
import { fromWireStream, readWireStream, toWireStream } from './stream.js';
import { readWireTimestamp, toWireTimestamp } from './timestamp.js';

export function toWireBinding({ resource, role, scope }: RoleBinding): WireBinding {
  return create(RoleBindingSchema, { role, scope, resource: resource ?? '' });
}

export function readWireBinding({ resource, role, scope }: WireBinding): RoleBinding {
  return { role, scope, ...(resource === '' ? {} : { resource }) };
}

/** The binding; adds what is wrong with it. */
export function fromWireBinding(
  binding: WireBinding | undefined,
  field: string,
  violations: Violations,
): RoleBinding {
  if (binding === undefined) {
    violations.add(field, 'must be set');
    return { role: '', scope: '' };
  }
  for (const part of ['role', 'scope'] as const) {
    const problem = nameProblem(binding[part]);
    if (problem !== undefined) violations.add(`${field}.${part}`, problem);
  }
  const problem = binding.resource === '' ? undefined : nameProblem(binding.resource);
  if (problem !== undefined) violations.add(`${field}.resource`, problem);
  return readWireBinding(binding);
}

export function toWireToken(token: ApiToken): WireToken {
  const { bindings, createdAt, createdBy, expiresAt, name, principal, revokedAt, tokenId } = token;
  return create(ApiTokenSchema, {
    tokenId,
    name,
    principal,
    bindings: bindings.map(toWireBinding),
    createdAt: toWireTimestamp(createdAt),
    createdBy,
    ...(expiresAt === undefined ? {} : { expiresAt: toWireTimestamp(expiresAt) }),
    ...(revokedAt === undefined ? {} : { revokedAt: toWireTimestamp(revokedAt) }),
  });
}

export function readWireToken(token: WireToken | undefined): ApiToken {
  const { bindings, createdAt, createdBy, expiresAt, name, principal, revokedAt, tokenId } =
    token ?? create(ApiTokenSchema);
  return {
    tokenId,
    name,
    principal,
    bindings: bindings.map(readWireBinding),
    createdAt: createdAt ? readWireTimestamp(createdAt) : 0n,
    createdBy,
    expiresAt: expiresAt && readWireTimestamp(expiresAt),
    revokedAt: revokedAt && readWireTimestamp(revokedAt),
  };
}

export function toWireGrant({ binding, grantedAt, grantedBy, principal }: RoleGrant): WireGrant {
  return create(RoleGrantSchema, {
    principal,
    binding: toWireBinding(binding),
    grantedAt: toWireTimestamp(grantedAt),
    grantedBy,
  });
}

export function readWireGrant({ binding, grantedAt, grantedBy, principal }: WireGrant): RoleGrant {
  return {
    principal,
    binding: readWireBinding(binding ?? create(RoleBindingSchema)),
    grantedAt: grantedAt ? readWireTimestamp(grantedAt) : 0n,
    grantedBy,
  };
}

export function toWireRule(rule: AccessRule): WireRule {
  const { actions, bindingResource, name, names, namespaces, roles, scopes, streams } = rule;
  return create(AccessRuleSchema, {
    name,
    roles: [...roles],
    scopes: [...(scopes ?? [])],
    actions: [...actions],
    namespaces: [...(namespaces ?? [])],
    streams: (streams ?? []).map(toWirePattern),
    names: [...(names ?? [])],
    bindingResource: bindingResource ?? '',
  });
}

export function readWireRule(rule: WireRule): AccessRule {
  const { actions, bindingResource, name, names, namespaces, roles, scopes, streams } = rule;
  const some = <K extends string, T>(key: K, values: readonly T[]) =>
    values.length === 0 ? {} : { [key]: values };
  return {
    name,
    roles,
    actions: actions as Action[],
    ...(bindingResource === '' ? {} : { bindingResource: bindingResource as BindingResource }),
    ...some('scopes', scopes),
    ...some('namespaces', namespaces),
    ...some('streams', streams.map(fromWirePattern)),
    ...some('names', names),
  };
}

type ResourceInit = NonNullable<MessageInitShape<typeof AccessResourceSchema>['resource']>;

export function toWireResource(resource: Resource): WireResource {
  return create(AccessResourceSchema, { resource: resourceInit(resource) });
}

function resourceInit(resource: Resource): ResourceInit {
  switch (resource.kind) {
    case 'LOG':
      return { case: undefined };
    case 'STREAM':
      return { case: 'stream', value: toWireStream(resource.stream) };
    case 'AGGREGATE_TYPE':
      return { case: 'aggregateType', value: resource.aggregateType };
    case 'COMMAND_TYPE':
      return { case: 'commandType', value: resource.commandType };
    case 'CONSUMER_GROUP':
      return { case: 'consumerGroup', value: resource.group };
    case 'PROJECTION':
      return { case: 'projection', value: resource.projection };
    case 'NAMESPACE':
      return { case: 'namespace', value: resource.name };
    case 'SERVICE':
      return { case: 'service', value: true };
  }
}

/** The resource; adds what is wrong with it. */
export function fromWireResource(resource: WireResource, field: string, violations: Violations): Resource {
  const { resource: one } = resource;
  if (one.case === 'stream')
    return { kind: 'STREAM', stream: fromWireStream(one.value, `${field}.stream`, violations) };
  const problem =
    one.case === undefined || one.case === 'service'
      ? undefined
      : one.case === 'aggregateType'
        ? typeNameProblem(one.value)
        : nameProblem(one.value);
  if (problem !== undefined) violations.add(field, problem);
  return readWireResource(resource);
}

export function readWireResource({ resource }: WireResource): Resource {
  switch (resource.case) {
    case undefined:
      return { kind: 'LOG' };
    case 'stream':
      return { kind: 'STREAM', stream: readWireStream(resource.value) };
    case 'aggregateType':
      return { kind: 'AGGREGATE_TYPE', aggregateType: resource.value };
    case 'commandType':
      return { kind: 'COMMAND_TYPE', commandType: resource.value };
    case 'consumerGroup':
      return { kind: 'CONSUMER_GROUP', group: resource.value };
    case 'projection':
      return { kind: 'PROJECTION', projection: resource.value };
    case 'namespace':
      return { kind: 'NAMESPACE', name: resource.value };
    case 'service':
      return { kind: 'SERVICE' };
  }
}

/** The action of that name; adds that there is none. */
export function fromWireAction(action: string, violations: Violations): Action {
  const known = ACTIONS.find((one) => one === action);
  if (known !== undefined) return known;
  violations.add(
    'action',
    action === '' ? 'must be set' : `is ${JSON.stringify(action)}, and there is no such action`,
  );
  return 'info';
}
