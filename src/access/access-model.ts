import type { ApiToken, RoleGrant } from '../auth/access-admin.js';
import type { RoleBinding } from '../auth/principal.js';
import type { Event, Microseconds } from '../core/event.js';
import { accessEventOf, PRINCIPAL_STREAMS, TOKEN_STREAMS } from './access-events.js';

/** A token with what makes it good. */
export interface KnownToken extends ApiToken {
  readonly hash: string;
}

/** Tokens that are known; above it the oldest that are no good any more are forgotten. */
const KNOWN = 20_000;

/** Roles and tokens as the log tells them, folded event by event. */
export class AccessModel {
  readonly #grants = new Map<string, Map<string, RoleGrant>>();
  readonly #tokens = new Map<string, KnownToken>();

  apply(event: Event): void {
    const told = accessEventOf(event);
    const { aggregateId, aggregateType } = event.stream;
    if (told === undefined) return;
    switch (told.type) {
      case 'RoleGranted': {
        if (aggregateType !== PRINCIPAL_STREAMS) return;
        const { binding, by } = told.data;
        const grants = this.#grants.get(aggregateId) ?? new Map<string, RoleGrant>();
        const key = bindingKey(binding);
        if (!grants.has(key))
          grants.set(key, { principal: aggregateId, binding, grantedAt: event.recordedAt, grantedBy: by });
        this.#grants.set(aggregateId, grants);
        return;
      }
      case 'RoleRevoked': {
        const grants = this.#grants.get(aggregateId);
        grants?.delete(bindingKey(told.data.binding));
        if (grants?.size === 0) this.#grants.delete(aggregateId);
        return;
      }
      case 'TokenCreated': {
        if (aggregateType !== TOKEN_STREAMS || event.version !== 1n) return;
        const { bindings, by, expiresAt, hash, name, principal } = told.data;
        this.#tokens.set(aggregateId, {
          tokenId: aggregateId,
          name,
          principal,
          bindings,
          hash,
          createdAt: event.recordedAt,
          createdBy: by,
          expiresAt: expiresAt === undefined ? undefined : BigInt(expiresAt),
          revokedAt: undefined,
        });
        if (this.#tokens.size > KNOWN) this.#forgetOne(event.recordedAt);
        return;
      }
      case 'TokenRevoked': {
        const token = this.#tokens.get(aggregateId);
        if (token !== undefined && token.revokedAt === undefined)
          this.#tokens.set(aggregateId, { ...token, revokedAt: event.recordedAt });
      }
    }
  }

  bindingsOf(principal: string): readonly RoleBinding[] {
    return [...(this.#grants.get(principal)?.values() ?? [])].map(({ binding }) => binding);
  }

  grant(principal: string, binding: RoleBinding): RoleGrant | undefined {
    return this.#grants.get(principal)?.get(bindingKey(binding));
  }

  token(tokenId: string): KnownToken | undefined {
    return this.#tokens.get(tokenId);
  }

  /** In the order in which they were made. */
  get tokens(): readonly KnownToken[] {
    return [...this.#tokens.values()];
  }

  get grants(): readonly RoleGrant[] {
    return [...this.#grants.values()].flatMap((grants) => [...grants.values()]);
  }

  #forgetOne(now: Microseconds): void {
    for (const [tokenId, token] of this.#tokens)
      if (hasEnded(token, now)) {
        this.#tokens.delete(tokenId);
        return;
      }
  }
}

/** Whether it is no good any more. */
export function hasEnded({ expiresAt, revokedAt }: ApiToken, now: Microseconds): boolean {
  return revokedAt !== undefined || (expiresAt !== undefined && expiresAt <= now);
}

function bindingKey({ resource, role, scope }: RoleBinding): string {
  return JSON.stringify([role, scope, resource ?? null]);
}
