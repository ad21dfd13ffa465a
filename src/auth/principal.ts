import type { Microseconds } from '../core/event.js';

/** A role in a scope, perhaps for one resource only. */
export interface RoleBinding {
  readonly role: string;
  readonly scope: string;
  /** @default all resources */
  readonly resource?: string;
}

/** Who calls. */
export type Principal =
  | { readonly kind: 'ANONYMOUS' }
  | {
      readonly kind: 'USER';
      readonly id: string;
      readonly bindings: readonly RoleBinding[];
      /** How it was told who they are; `undefined` where a caller in process says so. */
      readonly credential?: Credential;
    };

/** How a caller has said who they are, and for how long that is good. */
export interface Credential {
  readonly by: 'jwt' | 'token' | 'certificate' | 'header';
  /** Of an API token. */
  readonly tokenId?: string;
  /** From then on it is no good; `undefined`: as long as the connection lasts. */
  readonly expiresAt?: Microseconds;
  /** The bindings are all that the caller has: roles that the principal was given elsewhere are not added. */
  readonly complete?: boolean;
}

/** Nobody in particular. */
export const ANONYMOUS: Principal = { kind: 'ANONYMOUS' };

/** The bindings of whoever calls. */
export function bindingsOf(principal: Principal): readonly RoleBinding[] {
  return principal.kind === 'USER' ? principal.bindings : [];
}
