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
      /** Replaced, never changed: what they come to is remembered by them (`standing.ts`). */
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
  /** What it says itself of the caller's bindings; roles that the principal was given elsewhere come beside them. */
  readonly own?: readonly RoleBinding[];
  /**
   * Its own bindings are all that the caller has.
   * @default false
   */
  readonly complete?: boolean;
  /**
   * Who the same credential is of as things are now; throws `UnauthenticatedError`, or gives `undefined`, where it is of nobody.
   * @default the same principal
   */
  readonly again?: () => Principal | undefined;
}

/** Nobody in particular. */
export const ANONYMOUS: Principal = { kind: 'ANONYMOUS' };

/** The bindings of whoever calls. */
export function bindingsOf(principal: Principal): readonly RoleBinding[] {
  return principal.kind === 'USER' ? principal.bindings : [];
}
