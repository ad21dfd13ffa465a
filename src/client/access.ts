import { create } from '@bufbuild/protobuf';
import {
  AccessService,
  ListRulesRequestSchema,
  RevokeTokenRequestSchema,
} from '../../gen/headwater/v1/access_service_pb.js';
import type {
  AccessAdmin,
  AccessExplanation,
  ApiToken,
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
import type { CallOptions } from '../core/call-options.js';
import {
  readWireAuditEntry,
  readWireMadeToken,
  readWireRoleList,
  readWireRuleList,
  readWireTokenList,
  readWireWhoCan,
  toWireExplainAccess,
  toWireListRoles,
  toWireListTokens,
  toWireNewToken,
  toWireReadAudit,
  toWireRole,
  toWireWhoCan,
} from '../wire/access-requests.js';
import { readWireToken } from '../wire/access.js';
import { ask, type AskParts } from './ask.js';
import { openServerStream, receive } from './calls.js';
import { LinkedSignal } from './linked-signal.js';

const method = AccessService.method;

export interface AccessClientParts extends AskParts {
  /** Milliseconds for which a call is tried. */
  readonly timeoutMs: number;
}

/**
 * Tokens, roles, rules and the audit of a service that authenticates its callers.
 *
 * @example
 * const { secret } = await connection.access.createToken({
 *   name: 'nightly export',
 *   principal: 'exporter',
 *   bindings: [{ role: 'reader', scope: 'namespace', resource: 'orders' }],
 * });
 */
export class AccessClient implements AccessAdmin {
  readonly #parts: AccessClientParts;

  constructor(parts: AccessClientParts) {
    this.#parts = parts;
  }

  async createToken(token: NewToken, options: CallOptions = {}): Promise<MadeToken> {
    // Sent twice, it would make two.
    const once = { ...this.#patience(options), idempotent: false };
    return readWireMadeToken(await ask(this.#parts, method.createToken, toWireNewToken(token), once));
  }

  async listTokens(
    request: Parameters<AccessAdmin['listTokens']>[0] = {},
    options: CallOptions = {},
  ): Promise<TokenList> {
    const wire = toWireListTokens(request);
    return readWireTokenList(await ask(this.#parts, method.listTokens, wire, this.#patience(options)));
  }

  async revokeToken(tokenId: string, options: CallOptions = {}): Promise<ApiToken> {
    const wire = create(RevokeTokenRequestSchema, { tokenId });
    const { token } = await ask(this.#parts, method.revokeToken, wire, this.#patience(options));
    return readWireToken(token);
  }

  async grantRole(principal: string, binding: RoleBinding, options: CallOptions = {}): Promise<boolean> {
    const wire = toWireRole(principal, binding, 'GRANT');
    return (await ask(this.#parts, method.grantRole, wire, this.#patience(options))).changed;
  }

  async revokeRole(principal: string, binding: RoleBinding, options: CallOptions = {}): Promise<boolean> {
    const wire = toWireRole(principal, binding, 'REVOKE');
    return (await ask(this.#parts, method.revokeRole, wire, this.#patience(options))).changed;
  }

  async listRoles(
    request: Parameters<AccessAdmin['listRoles']>[0] = {},
    options: CallOptions = {},
  ): Promise<RoleList> {
    const wire = toWireListRoles(request);
    return readWireRoleList(await ask(this.#parts, method.listRoles, wire, this.#patience(options)));
  }

  async listRules(options: CallOptions = {}): Promise<RuleList> {
    const wire = create(ListRulesRequestSchema);
    return readWireRuleList(await ask(this.#parts, method.listRules, wire, this.#patience(options)));
  }

  async whoCan(would: WouldDo, options: CallOptions = {}): Promise<WhoCan> {
    return readWireWhoCan(
      await ask(this.#parts, method.whoCan, toWireWhoCan(would), this.#patience(options)),
    );
  }

  async explainAccess(request: ExplainAccess, options: CallOptions = {}): Promise<AccessExplanation> {
    const wire = toWireExplainAccess(request);
    const { allowed, only, rules, summary } = await ask(
      this.#parts,
      method.explainAccess,
      wire,
      this.#patience(options),
    );
    return { allowed, summary, rules, only };
  }

  /** Not tried again: what was read so far would come twice. */
  async *readAudit(
    request: ReadAuditRequest = {},
    { signal }: CallOptions = {},
  ): AsyncGenerator<readonly AuditEntry[], void, undefined> {
    const { channels, closed } = this.#parts;
    const linked = new LinkedSignal([signal, closed]);
    try {
      const call = openServerStream(channels.current, method.readAudit, toWireReadAudit(request));
      for await (const { entries } of receive(call, linked.signal)) yield entries.map(readWireAuditEntry);
    } finally {
      linked.close();
    }
  }

  #patience({ signal, timeoutMilliseconds }: CallOptions) {
    return { timeoutMs: timeoutMilliseconds ?? this.#parts.timeoutMs, signal };
  }
}
