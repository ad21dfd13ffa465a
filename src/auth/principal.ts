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
  | { readonly kind: 'USER'; readonly id: string; readonly bindings: readonly RoleBinding[] };

/** Nobody in particular. */
export const ANONYMOUS: Principal = { kind: 'ANONYMOUS' };

/** The bindings of whoever calls. */
export function bindingsOf(principal: Principal): readonly RoleBinding[] {
  return principal.kind === 'USER' ? principal.bindings : [];
}
