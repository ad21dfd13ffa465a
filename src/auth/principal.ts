/** Who calls. */
export type Principal = { readonly kind: 'ANONYMOUS' };

/** Nobody in particular: all that there is while authentication is not built. */
export const ANONYMOUS: Principal = { kind: 'ANONYMOUS' };
