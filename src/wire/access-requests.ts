import { create, type MessageShape } from '@bufbuild/protobuf';
import {
  type CreateTokenRequest,
  CreateTokenRequestSchema,
  CreateTokenResponseSchema,
  type ExplainAccessRequest,
  ExplainAccessRequestSchema,
  type GrantRoleRequest,
  GrantRoleRequestSchema,
  type ListRolesRequest,
  ListRolesRequestSchema,
  ListRolesResponseSchema,
  ListRulesResponseSchema,
  type ListTokensRequest,
  ListTokensRequestSchema,
  ListTokensResponseSchema,
  type ReadAuditRequest as WireReadAuditRequest,
  ReadAuditRequestSchema,
  ReadAuditResponseSchema,
  type RevokeRoleRequest,
  RevokeRoleRequestSchema,
  type WhoCanRequest,
  WhoCanRequestSchema,
  WhoCanResponseSchema,
} from '../../gen/headwater/v1/access_service_pb.js';
import { AuditEntrySchema, type AuditEntry as WireAuditEntry } from '../../gen/headwater/v1/access_pb.js';
import type {
  AuditEntry,
  ExplainAccess,
  MadeToken,
  NewToken,
  ReadAuditRequest,
  RoleList,
  RuleList,
  TokenList,
  WhoCan,
  WouldDo,
} from '../auth/access-admin.js';
import type { RoleBinding } from '../auth/principal.js';
import { LIST_PAGE } from '../core/limits.js';
import { namespaceProblem } from '../core/namespace.js';
import { nameProblem, Violations } from '../core/validate.js';
import {
  fromWireAction,
  fromWireBinding,
  fromWireResource,
  readWireGrant,
  readWireResource,
  readWireRule,
  readWireToken,
  toWireBinding,
  toWireGrant,
  toWireResource,
  toWireRule,
  toWireToken,
} from './access.js';
import { fromWireDuration, toWireDuration } from './duration.js';
import { fromWireStream, toWireStream } from './stream.js';
import { fromWireTimestamp, readWireTimestamp, toWireTimestamp } from './timestamp.js';

/** Bindings of one token. */
const BINDINGS = 100;
const AUDIT_MOST = 100_000;
const MILLISECOND = 1000n;

interface Page {
  readonly pageSize?: number;
  readonly pageToken?: string;
}

export function toWireNewToken({ bindings, name, principal, validForMs }: NewToken): CreateTokenRequest {
  return create(CreateTokenRequestSchema, {
    name,
    principal,
    bindings: bindings.map(toWireBinding),
    ...(validForMs === undefined
      ? {}
      : { validFor: toWireDuration(BigInt(Math.trunc(validForMs)) * MILLISECOND) }),
  });
}

/** Throws `InvalidRequestError`. */
export function fromWireNewToken(request: CreateTokenRequest): NewToken {
  const violations = new Violations();
  checkName(request.name, 'name', violations);
  checkName(request.principal, 'principal', violations);
  if (request.bindings.length === 0 || request.bindings.length > BINDINGS)
    violations.add('bindings', `has ${request.bindings.length} bindings, it must have from 1 to ${BINDINGS}`);
  const bindings = request.bindings
    .slice(0, BINDINGS)
    .map((binding, index) => fromWireBinding(binding, `bindings[${index}]`, violations));
  const validForMs =
    request.validFor && Number(fromWireDuration(request.validFor, 'valid_for', violations) / MILLISECOND);
  if (validForMs !== undefined && validForMs < 1000) violations.add('valid_for', 'must be at least a second');
  violations.throwIfAny();
  const { name, principal } = request;
  return { name, principal, bindings, ...(validForMs === undefined ? {} : { validForMs }) };
}

export function toWireMadeToken({
  secret,
  token,
}: MadeToken): MessageShape<typeof CreateTokenResponseSchema> {
  return create(CreateTokenResponseSchema, { token: toWireToken(token), secret });
}

export function readWireMadeToken({
  secret,
  token,
}: MessageShape<typeof CreateTokenResponseSchema>): MadeToken {
  return { token: readWireToken(token), secret };
}

export function toWireListTokens({
  includeEnded = false,
  ...page
}: Page & { readonly includeEnded?: boolean }) {
  return create(ListTokensRequestSchema, { ...toWirePage(page), includeEnded });
}

/** Throws `InvalidRequestError`. */
export function fromWireListTokens(request: ListTokensRequest): Page & { readonly includeEnded: boolean } {
  return { ...fromWirePage(request), includeEnded: request.includeEnded };
}

export function toWireTokenList({ nextPageToken, tokens }: TokenList) {
  return create(ListTokensResponseSchema, {
    tokens: tokens.map(toWireToken),
    nextPageToken: nextPageToken ?? '',
  });
}

export function readWireTokenList({
  nextPageToken,
  tokens,
}: MessageShape<typeof ListTokensResponseSchema>): TokenList {
  return { tokens: tokens.map(readWireToken), nextPageToken: nextPageToken || undefined };
}

export function toWireRole(principal: string, binding: RoleBinding, kind: 'GRANT'): GrantRoleRequest;
export function toWireRole(principal: string, binding: RoleBinding, kind: 'REVOKE'): RevokeRoleRequest;
export function toWireRole(
  principal: string,
  binding: RoleBinding,
  kind: 'GRANT' | 'REVOKE',
): GrantRoleRequest | RevokeRoleRequest {
  const role = { principal, binding: toWireBinding(binding) };
  return kind === 'GRANT' ? create(GrantRoleRequestSchema, role) : create(RevokeRoleRequestSchema, role);
}

/** Throws `InvalidRequestError`. */
export function fromWireRole(request: GrantRoleRequest | RevokeRoleRequest): {
  readonly principal: string;
  readonly binding: RoleBinding;
} {
  const violations = new Violations();
  checkName(request.principal, 'principal', violations);
  const binding = fromWireBinding(request.binding, 'binding', violations);
  violations.throwIfAny();
  return { principal: request.principal, binding };
}

export function toWireListRoles({ principal = '', ...page }: Page & { readonly principal?: string }) {
  return create(ListRolesRequestSchema, { ...toWirePage(page), principal });
}

/** Throws `InvalidRequestError`. */
export function fromWireListRoles(request: ListRolesRequest): Page & { readonly principal?: string } {
  return { ...fromWirePage(request), ...(request.principal === '' ? {} : { principal: request.principal }) };
}

export function toWireRoleList({ grants, nextPageToken }: RoleList) {
  return create(ListRolesResponseSchema, {
    grants: grants.map(toWireGrant),
    nextPageToken: nextPageToken ?? '',
  });
}

export function readWireRoleList({
  grants,
  nextPageToken,
}: MessageShape<typeof ListRolesResponseSchema>): RoleList {
  return { grants: grants.map(readWireGrant), nextPageToken: nextPageToken || undefined };
}

export function toWireRuleList({ rules, shadow }: RuleList) {
  return create(ListRulesResponseSchema, { rules: rules.map(toWireRule), shadow });
}

export function readWireRuleList({ rules, shadow }: MessageShape<typeof ListRulesResponseSchema>): RuleList {
  return { rules: rules.map(readWireRule), shadow };
}

export function toWireWhoCan({ action, namespace = '', resources = [] }: WouldDo): WhoCanRequest {
  const [resource] = resources;
  return create(WhoCanRequestSchema, {
    action,
    namespace,
    ...(resource ? { resource: toWireResource(resource) } : {}),
  });
}

/** Throws `InvalidRequestError`. */
export function fromWireWhoCan({ action, namespace, resource }: WhoCanRequest): WouldDo {
  const violations = new Violations();
  const would = {
    action: fromWireAction(action, violations),
    ...namespaceFrom(namespace, violations),
    ...(resource ? { resources: [fromWireResource(resource, 'resource', violations)] } : {}),
  };
  violations.throwIfAny();
  return would;
}

export function toWireWhoCanResponse({ principals, roles }: WhoCan) {
  return create(WhoCanResponseSchema, {
    principals: [...principals],
    roles: roles.map((role) => ({ rule: role.rule, roles: [...role.roles], scopes: [...role.scopes] })),
  });
}

export function readWireWhoCan({ principals, roles }: MessageShape<typeof WhoCanResponseSchema>): WhoCan {
  return { principals, roles: roles.map(({ roles: any, rule, scopes }) => ({ rule, roles: any, scopes })) };
}

export function toWireExplainAccess(request: ExplainAccess): ExplainAccessRequest {
  const { action, bindings = [], namespace = '', principal = '', resources = [] } = request;
  return create(ExplainAccessRequestSchema, {
    principal,
    bindings: bindings.map(toWireBinding),
    action,
    namespace,
    resources: resources.map(toWireResource),
  });
}

/** Throws `InvalidRequestError`. */
export function fromWireExplainAccess(request: ExplainAccessRequest): ExplainAccess {
  const violations = new Violations();
  const { action, bindings, namespace, principal, resources } = request;
  if (principal !== '') checkName(principal, 'principal', violations);
  if (bindings.length > BINDINGS)
    violations.add('bindings', `has ${bindings.length} bindings, the limit is ${BINDINGS}`);
  if (resources.length > LIST_PAGE)
    violations.add('resources', `has ${resources.length} things, the limit is ${LIST_PAGE}`);
  const asked = {
    action: fromWireAction(action, violations),
    ...namespaceFrom(namespace, violations),
    ...(principal === '' ? {} : { principal }),
    ...(bindings.length === 0
      ? {}
      : { bindings: bindings.map((one, index) => fromWireBinding(one, `bindings[${index}]`, violations)) }),
    resources: resources.map((one, index) => fromWireResource(one, `resources[${index}]`, violations)),
  };
  violations.throwIfAny();
  return asked;
}

export function toWireReadAudit(request: ReadAuditRequest): WireReadAuditRequest {
  const { from, limit = 0, principal = '', refusedOnly = false, stream, to } = request;
  return create(ReadAuditRequestSchema, {
    principal,
    ...(from === undefined ? {} : { from: toWireTimestamp(from) }),
    ...(to === undefined ? {} : { to: toWireTimestamp(to) }),
    ...(stream === undefined ? {} : { stream: toWireStream(stream) }),
    refusedOnly,
    limit,
  });
}

/** Throws `InvalidRequestError`. */
export function fromWireReadAudit(request: WireReadAuditRequest): ReadAuditRequest {
  const violations = new Violations();
  const { from, limit, principal, refusedOnly, stream, to } = request;
  if (limit > AUDIT_MOST) violations.add('limit', `is ${limit}, it must be from 1 to ${AUDIT_MOST}`);
  if (principal !== '') checkName(principal, 'principal', violations);
  const asked: ReadAuditRequest = {
    ...(principal === '' ? {} : { principal }),
    ...(from ? { from: fromWireTimestamp(from, 'from', violations) } : {}),
    ...(to ? { to: fromWireTimestamp(to, 'to', violations) } : {}),
    ...(stream ? { stream: fromWireStream(stream, 'stream', violations) } : {}),
    refusedOnly,
    ...(limit === 0 ? {} : { limit }),
  };
  if (asked.from !== undefined && asked.to !== undefined && asked.from > asked.to)
    violations.add('to', 'is before from');
  violations.throwIfAny();
  return asked;
}

export function toWireAuditEntries(entries: readonly AuditEntry[]) {
  return create(ReadAuditResponseSchema, { entries: entries.map(toWireAuditEntry) });
}

function toWireAuditEntry({ at, resources, ...entry }: AuditEntry): WireAuditEntry {
  return create(AuditEntrySchema, {
    ...entry,
    at: toWireTimestamp(at),
    resources: resources.map(toWireResource),
  });
}

export function readWireAuditEntry(entry: WireAuditEntry): AuditEntry {
  const { allowed, because, count, namespace, peer, principal, shadow } = entry;
  return {
    at: entry.at ? readWireTimestamp(entry.at) : 0n,
    principal,
    authenticatedBy: entry.authenticatedBy as AuditEntry['authenticatedBy'],
    action: entry.action as AuditEntry['action'],
    namespace,
    resources: entry.resources.map(readWireResource),
    allowed,
    because,
    count,
    peer,
    shadow,
  };
}

function checkName(value: string, field: string, violations: Violations): void {
  const problem = nameProblem(value);
  if (problem !== undefined) violations.add(field, problem);
}

function namespaceFrom(namespace: string, violations: Violations): { readonly namespace?: string } {
  if (namespace === '') return {};
  const problem = namespaceProblem(namespace);
  if (problem !== undefined) violations.add('namespace', problem);
  return { namespace };
}

function toWirePage({ pageSize = 0, pageToken = '' }: Page): { pageSize: number; pageToken: string } {
  return { pageSize, pageToken };
}

function fromWirePage({ pageSize, pageToken }: { pageSize: number; pageToken: string }): Page {
  const violations = new Violations();
  if (pageSize > LIST_PAGE) violations.add('page_size', `is ${pageSize}, it must be from 1 to ${LIST_PAGE}`);
  violations.throwIfAny();
  return { ...(pageSize === 0 ? {} : { pageSize }), ...(pageToken === '' ? {} : { pageToken }) };
}
