import type {
  AccessExplanation,
  ApiToken,
  ExplainAccess,
  MadeToken,
  NewToken,
  RoleList,
  ReadAuditRequest,
  RuleList,
  ServedAccess,
  AuditEntry,
  TokenList,
  WhoCan,
  WouldDo,
} from '../auth/access-admin.js';
import { decideAccess } from '../auth/access-decision.js';
import { coversAction } from '../auth/access-rule.js';
import type { Caller } from '../auth/caller.js';
import { ABOUT_THE_SERVICE, type Plan } from '../auth/plan.js';
import { bindingsOf, type Principal, type RoleBinding } from '../auth/principal.js';
import type { CallOptions } from '../core/call-options.js';
import { InvalidRequestError, PolicyDeniedError } from '../core/errors.js';
import { DEFAULT_LIST_PAGE } from '../core/limits.js';
import { lastKeyOf, pageToken } from '../core/page-token.js';
import type { Runtime } from '../core/runtime.js';
import { compareUtf8 } from '../core/utf8-order.js';
import type { AccessLog } from './access-log.js';
import { hasEnded, type KnownToken } from './access-model.js';
import type { Audit } from './audit.js';
import { BECAUSE } from './because.js';
import type { ServiceAccess } from './service-access.js';
import { patternText } from '../core/stream-text.js';

/** Principals that WhoCan names. */
const PRINCIPALS = 1000;

interface Page {
  readonly pageSize?: number;
  readonly pageToken?: string;
}

export interface AdminParts {
  readonly access: ServiceAccess;
  readonly log: AccessLog;
  readonly audit: Audit;
  readonly runtime: Runtime;
}

/** What administrators do: the side of the service. Whether a caller may is decided before. */
export class Admin implements ServedAccess {
  readonly #access: ServiceAccess;
  readonly #log: AccessLog;
  readonly #audit: Audit;
  readonly #runtime: Runtime;

  constructor(parts: AdminParts) {
    this.#access = parts.access;
    this.#audit = parts.audit;
    this.#log = parts.log;
    this.#runtime = parts.runtime;
  }

  /** Who may not give roles may make tokens only for themselves, and for what they are bound to. */
  async createToken({ bindings, name, principal, validForMs }: NewToken, caller: Caller): Promise<MadeToken> {
    const grants: Plan = { ...caller, action: 'grant-role', resources: [{ kind: 'SERVICE' }] };
    const own = bindingsOf(caller.principal);
    const handsOn =
      principal === nameOf(caller.principal) &&
      bindings.every((one) => own.some((other) => reaches(other, one)));
    if (!handsOn && this.#access.ruling(grants).verdict !== 'ALLOW')
      throw new PolicyDeniedError('create-token');
    const expiresAt = validForMs === undefined ? undefined : this.#runtime.now() + BigInt(validForMs) * 1000n;
    return this.#log.createToken({ name, principal, bindings, expiresAt }, nameOf(caller.principal));
  }

  listTokens({ includeEnded = false, ...page }: Page & { readonly includeEnded?: boolean }): TokenList {
    const now = this.#runtime.now();
    const wanted = this.#log.model.tokens.filter((token) => includeEnded || !hasEnded(token, now));
    const { entries, nextPageToken } = paged(wanted, page, ['tokens', String(includeEnded)], (token) => [
      String(token.createdAt).padStart(20, '0'),
      token.tokenId,
    ]);
    return { tokens: entries.map(withoutHash), nextPageToken };
  }

  async revokeToken(tokenId: string, caller: Caller): Promise<ApiToken> {
    const token = await this.#log.revokeToken(tokenId, nameOf(caller.principal));
    if (token === undefined)
      throw new InvalidRequestError([
        { field: 'token_id', description: 'is of no token that was made here' },
      ]);
    return token;
  }

  grantRole(principal: string, binding: RoleBinding, caller: Caller): Promise<boolean> {
    return this.#log.grant(principal, binding, nameOf(caller.principal));
  }

  revokeRole(principal: string, binding: RoleBinding, caller: Caller): Promise<boolean> {
    return this.#log.revoke(principal, binding, nameOf(caller.principal));
  }

  /** Those of the file come with no time and nobody who gave them. */
  listRoles({ principal = '', ...page }: Page & { readonly principal?: string }): RoleList {
    const inFile = Object.entries(this.#access.file.principals).flatMap(([name, bindings]) =>
      bindings.map((binding) => ({ principal: name, binding, grantedAt: 0n, grantedBy: '' })),
    );
    const wanted = [...inFile, ...this.#log.model.grants].filter(
      (grant) => principal === '' || grant.principal === principal,
    );
    const { entries, nextPageToken } = paged(wanted, page, ['roles', principal], (grant) => [
      grant.principal,
      JSON.stringify([
        grant.binding.role,
        grant.binding.scope,
        grant.binding.resource ?? '',
        grant.grantedBy,
      ]),
    ]);
    return { grants: entries, nextPageToken };
  }

  listRules(): RuleList {
    return { rules: this.#access.file.rules, shadow: this.#access.shadow };
  }

  whoCan(would: WouldDo, caller: Caller): WhoCan {
    const about = (principal: Principal): Plan => planOf(would, { ...caller, principal });
    const principals = new Set<string>();
    const names = new Set([
      ...Object.keys(this.#access.file.principals),
      ...this.#log.model.grants.map((grant) => grant.principal),
    ]);
    const allowed = (id: string, bindings: readonly RoleBinding[]) =>
      this.#access.ruling(about({ kind: 'USER', id, bindings })).verdict === 'ALLOW';
    for (const name of names) if (allowed(name, this.#access.rolesOf(name))) principals.add(name);
    for (const token of this.listTokens({ pageSize: Number.MAX_SAFE_INTEGER }).tokens)
      if (allowed(token.principal, token.bindings)) principals.add(token.principal);
    const rules = this.#access.rulesFor(planOf(would, caller)).filter((rule) => {
      // Whether it would be enough by itself, for whoever has one of its roles without any bounds.
      const [role = ''] = rule.roles;
      const [scope = '*'] = rule.scopes ?? [];
      const bearer: Principal = { kind: 'USER', id: '', bindings: [{ role, scope }] };
      return coversAction(rule, would.action) && decideAccess([rule], about(bearer)).verdict === 'ALLOW';
    });
    return {
      roles: rules.map(({ name, roles, scopes = [] }) => ({ rule: name, roles, scopes })),
      principals: [...principals].sort(compareUtf8).slice(0, PRINCIPALS),
    };
  }

  explain(request: ExplainAccess, caller: Caller): AccessExplanation {
    const { bindings, principal } = request;
    const who: Principal =
      principal === undefined && bindings === undefined
        ? caller.principal
        : {
            kind: 'USER',
            id: principal ?? nameOf(caller.principal),
            bindings: bindings ?? (principal === undefined ? [] : this.#access.rolesOf(principal)),
          };
    const plan = planOf(request, { ...caller, principal: who });
    const decision = this.#access.ruling(plan);
    const name = nameOf(who) || 'Nobody in particular';
    if (decision.verdict === 'DENY')
      return {
        allowed: false,
        summary: `${name} may not ${plan.action} in ${plan.namespace}: ${BECAUSE[decision.because]}`,
        rules: [],
        only: [],
      };
    const only = (decision.only ?? []).map(patternText);
    const narrowed = only.length === 0 ? '' : `, and sees ${only.join(', ')}`;
    return {
      allowed: true,
      summary: `${name} may ${plan.action} in ${plan.namespace} by ${decision.rules.join(', ')}${narrowed}`,
      rules: decision.rules,
      only,
    };
  }

  readAudit(request: ReadAuditRequest, options: CallOptions): AsyncIterable<readonly AuditEntry[]> {
    return this.#audit.read(request, options);
  }
}

function planOf(would: WouldDo, caller: Caller): Plan {
  const { action, namespace = caller.namespace, resources } = would;
  return {
    ...caller,
    namespace,
    action,
    resources:
      resources === undefined || resources.length === 0
        ? [{ kind: ABOUT_THE_SERVICE.has(action) ? 'SERVICE' : 'LOG' }]
        : resources,
  };
}

/** Whether a binding is good for all that another is. */
function reaches(one: RoleBinding, other: RoleBinding): boolean {
  return (
    one.role === other.role &&
    one.scope === other.scope &&
    (one.resource === undefined || one.resource === '*' || one.resource === other.resource)
  );
}

function nameOf(principal: Principal): string {
  return principal.kind === 'USER' ? principal.id : '';
}

function withoutHash({ hash: _hash, ...token }: KnownToken): ApiToken {
  return token;
}

function paged<T>(
  all: readonly T[],
  { pageSize = DEFAULT_LIST_PAGE, pageToken: token }: Page,
  asked: readonly string[],
  keyOf: (one: T) => readonly string[],
): { entries: readonly T[]; nextPageToken: string | undefined } {
  const last = lastKeyOf(token, asked, 2);
  const rest = all
    .filter((one) => last === undefined || compareKeys(keyOf(one), last) > 0)
    .sort((one, other) => compareKeys(keyOf(one), keyOf(other)));
  const entries = rest.slice(0, pageSize);
  const end = entries.at(-1);
  const more = end !== undefined && rest.length > entries.length;
  return { entries, nextPageToken: more ? pageToken(asked, keyOf(end)) : undefined };
}

function compareKeys(one: readonly string[], other: readonly string[]): number {
  for (const [index, part] of one.entries()) {
    const order = compareUtf8(part, other[index] ?? '');
    if (order !== 0) return order;
  }
  return 0;
}
