import type { AccessExplanation, ApiToken, AuditEntry, RoleGrant, WhoCan } from '../auth/access-admin.js';
import type { AccessRule } from '../auth/access-rule.js';
import type { Resource } from '../auth/plan.js';
import { nameOf } from './stream-argument.js';
import { isoTime } from './time.js';

/** A token without what makes it good. */
export function tokenToJson(token: ApiToken): Record<string, unknown> {
  return {
    token_id: token.tokenId,
    name: token.name,
    principal: token.principal,
    bindings: token.bindings,
    created_at: isoTime(token.createdAt),
    created_by: token.createdBy,
    ...(token.expiresAt === undefined ? {} : { expires_at: isoTime(token.expiresAt) }),
    ...(token.revokedAt === undefined ? {} : { revoked_at: isoTime(token.revokedAt) }),
  };
}

/** One of the file has no time, and nobody who gave it. */
export function grantToJson(grant: RoleGrant): Record<string, unknown> {
  return {
    principal: grant.principal,
    binding: grant.binding,
    ...(isOfFile(grant) ? {} : { granted_at: isoTime(grant.grantedAt), granted_by: grant.grantedBy }),
  };
}

export function isOfFile({ grantedAt }: RoleGrant): boolean {
  return grantedAt === 0n;
}

/** As it stands in the file. */
export function ruleToJson(rule: AccessRule): Record<string, unknown> {
  return { ...rule };
}

export function whoCanToJson({ principals, roles }: WhoCan): Record<string, unknown> {
  return { roles, principals };
}

export function accessExplanationToJson(explanation: AccessExplanation): Record<string, unknown> {
  return { ...explanation };
}

export function auditEntryToJson(entry: AuditEntry): Record<string, unknown> {
  return {
    at: isoTime(entry.at),
    principal: entry.principal,
    authenticated_by: entry.authenticatedBy,
    action: entry.action,
    namespace: entry.namespace,
    resources: entry.resources.map(resourceToJson),
    allowed: entry.allowed,
    because: entry.because,
    count: entry.count,
    peer: entry.peer,
    shadow: entry.shadow,
  };
}

function resourceToJson(resource: Resource): Record<string, unknown> {
  switch (resource.kind) {
    case 'LOG':
      return { log: true };
    case 'STREAM':
      return {
        stream: {
          aggregate_type: resource.stream.aggregateType,
          aggregate_id: resource.stream.aggregateId,
        },
      };
    case 'AGGREGATE_TYPE':
      return { aggregate_type: resource.aggregateType };
    case 'COMMAND_TYPE':
      return { command_type: resource.commandType };
    case 'CONSUMER_GROUP':
      return { consumer_group: resource.group };
    case 'PROJECTION':
      return { projection: resource.projection };
    case 'NAMESPACE':
      return { namespace: resource.name };
    case 'SERVICE':
      return { service: true };
  }
}

/** In a word or two. */
export function resourceText(resource: Resource): string {
  switch (resource.kind) {
    case 'LOG':
      return 'the log';
    case 'STREAM':
      return nameOf(resource.stream);
    case 'AGGREGATE_TYPE':
      return `${resource.aggregateType}/*`;
    case 'COMMAND_TYPE':
      return `command ${resource.commandType}`;
    case 'CONSUMER_GROUP':
      return `group ${resource.group}`;
    case 'PROJECTION':
      return `projection ${resource.projection}`;
    case 'NAMESPACE':
      return `namespace ${resource.name}`;
    case 'SERVICE':
      return 'the service';
  }
}
