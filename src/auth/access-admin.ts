import type { CallOptions } from '../core/call-options.js';
import type { Microseconds } from '../core/event.js';
import type { StreamId } from '../core/stream.js';
import type { AccessRule } from './access-rule.js';
import type { Caller } from './caller.js';
import type { Action, Resource } from './plan.js';
import type { RoleBinding } from './principal.js';

/** What is known about a token. */
export interface ApiToken {
  readonly tokenId: string;
  /** What it is for, for people. */
  readonly name: string;
  /** As whom it calls. */
  readonly principal: string;
  /** All that it is bound to. */
  readonly bindings: readonly RoleBinding[];
  readonly createdAt: Microseconds;
  readonly createdBy: string;
  /** `undefined`: good for ever. */
  readonly expiresAt: Microseconds | undefined;
  readonly revokedAt: Microseconds | undefined;
}

/** A role that somebody was given. */
export interface RoleGrant {
  readonly principal: string;
  readonly binding: RoleBinding;
  readonly grantedAt: Microseconds;
  readonly grantedBy: string;
}

export interface NewToken {
  /** 1 to 255 bytes. */
  readonly name: string;
  /** 1 to 255 bytes. */
  readonly principal: string;
  /** 1 to 100. */
  readonly bindings: readonly RoleBinding[];
  /** Milliseconds for which it is good, at least 1,000. @default for ever */
  readonly validForMs?: number;
}

/** A token just made. */
export interface MadeToken {
  readonly token: ApiToken;
  /** What its holder shows; nobody can tell it again. */
  readonly secret: string;
}

export interface TokenList {
  readonly tokens: readonly ApiToken[];
  /** `undefined` if this was the last page. */
  readonly nextPageToken: string | undefined;
}

export interface RoleList {
  readonly grants: readonly RoleGrant[];
  /** `undefined` if this was the last page. */
  readonly nextPageToken: string | undefined;
}

/** Which page of a list. */
interface PageRequest {
  /** At most so many, up to 1,000. @default 100 */
  readonly pageSize?: number;
  /** @default the first page */
  readonly pageToken?: string;
}

/** The rules that hold. */
export interface RuleList {
  readonly rules: readonly AccessRule[];
  /** They only watch: nothing is refused. */
  readonly shadow: boolean;
}

/** What somebody would do. */
export interface WouldDo {
  readonly action: Action;
  /** @default that of the call */
  readonly namespace?: string;
  /** All of these. @default the log, or the service where that is what the action is about */
  readonly resources?: readonly Resource[];
}

export interface WhoCan {
  /** Bindings that would allow it, by rule. */
  readonly roles: readonly {
    readonly rule: string;
    readonly roles: readonly string[];
    readonly scopes: readonly string[];
  }[];
  /** Who has them, by roles that they were given or tokens; at most 1,000. What issuers of tokens say of others is not known. */
  readonly principals: readonly string[];
}

export interface AccessExplanation {
  readonly allowed: boolean;
  readonly summary: string;
  /** The rules that allow it. */
  readonly rules: readonly string[];
  /** To which streams the answer would be narrowed, as text; empty: to none in particular. */
  readonly only: readonly string[];
}

export interface ExplainAccess extends WouldDo {
  /** @default the caller */
  readonly principal?: string;
  /** @default what is known of the principal */
  readonly bindings?: readonly RoleBinding[];
}

/** A call as it was decided about. */
export interface AuditEntry {
  readonly at: Microseconds;
  /** Empty: nobody in particular. */
  readonly principal: string;
  readonly authenticatedBy: 'jwt' | 'token' | 'certificate' | 'header' | 'none';
  /** `authenticate`: they did not come in at all. */
  readonly action: Action | 'authenticate';
  readonly namespace: string;
  /** The first ten. */
  readonly resources: readonly Resource[];
  readonly allowed: boolean;
  /** By which rules, or why not. */
  readonly because: string;
  /** How often within a second. */
  readonly count: number;
  /** The address without its port; empty for all of more than a hundred that did not come in. */
  readonly peer: string;
  /** It would have been refused or narrowed, and was let through as it was. */
  readonly shadow: boolean;
}

export interface ReadAuditRequest {
  readonly principal?: string;
  readonly from?: Microseconds;
  readonly to?: Microseconds;
  /** About this stream. */
  readonly stream?: StreamId;
  readonly refusedOnly?: boolean;
  /** At most so many, up to 100,000. @default 1000 */
  readonly limit?: number;
}

/** Tokens, roles, rules and the audit, as a client has them. All fail with `PolicyDeniedError` and `InvalidRequestError`. */
export interface AccessAdmin {
  createToken(token: NewToken, options?: CallOptions): Promise<MadeToken>;
  /** By when they were made. */
  listTokens(
    request?: PageRequest & { readonly includeEnded?: boolean },
    options?: CallOptions,
  ): Promise<TokenList>;
  revokeToken(tokenId: string, options?: CallOptions): Promise<ApiToken>;
  /** Gives whether it was not there before. */
  grantRole(principal: string, binding: RoleBinding, options?: CallOptions): Promise<boolean>;
  /** Gives whether it was there before. */
  revokeRole(principal: string, binding: RoleBinding, options?: CallOptions): Promise<boolean>;
  /** By principal. */
  listRoles(
    request?: PageRequest & { readonly principal?: string },
    options?: CallOptions,
  ): Promise<RoleList>;
  listRules(options?: CallOptions): Promise<RuleList>;
  whoCan(would: WouldDo, options?: CallOptions): Promise<WhoCan>;
  explainAccess(request: ExplainAccess, options?: CallOptions): Promise<AccessExplanation>;
  /** Newest first. */
  readAudit(request?: ReadAuditRequest, options?: CallOptions): AsyncIterable<readonly AuditEntry[]>;
}

/** The same on the side of the service, for a caller of whom it is decided that they may. */
export interface ServedAccess {
  createToken(token: NewToken, caller: Caller): Promise<MadeToken>;
  listTokens(request: PageRequest & { readonly includeEnded?: boolean }): TokenList;
  revokeToken(tokenId: string, caller: Caller): Promise<ApiToken>;
  grantRole(principal: string, binding: RoleBinding, caller: Caller): Promise<boolean>;
  revokeRole(principal: string, binding: RoleBinding, caller: Caller): Promise<boolean>;
  listRoles(request: PageRequest & { readonly principal?: string }): RoleList;
  listRules(): RuleList;
  whoCan(would: WouldDo, caller: Caller): WhoCan;
  explain(request: ExplainAccess, caller: Caller): AccessExplanation;
  readAudit(request: ReadAuditRequest, options: CallOptions): AsyncIterable<readonly AuditEntry[]>;
}
