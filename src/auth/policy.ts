import type { RoleBinding } from './principal.js';

/** Any role, scope or resource. */
const ANY = '*';

/** What a policy is made of. */
export interface PolicyParts {
  readonly roles?: readonly string[];
  readonly scopes?: readonly string[];
  readonly resourceField?: string | undefined;
}

/**
 * Allows something to who is bound to one of its roles in one of its scopes. Immutable: each `with…` gives a new policy.
 *
 * A binding for one resource is good for that resource alone, whatever the policy says.
 *
 * @example
 * const tellersOfTheBranch = policy().withRole('teller').withScope('branch').withResource('branchId');
 */
export class Policy {
  /** @default any */
  readonly roles: readonly string[];
  /** @default any */
  readonly scopes: readonly string[];
  /**
   * Which resource a command is about, for bindings to one resource: the path of a field of its data, for example
   * `tenantId`.
   * @default the aggregate's id
   */
  readonly resourceField: string | undefined;

  constructor(parts: PolicyParts = {}) {
    this.roles = Object.freeze([...(parts.roles ?? [])]);
    this.scopes = Object.freeze([...(parts.scopes ?? [])]);
    this.resourceField = parts.resourceField;
    Object.freeze(this);
  }

  get #parts(): PolicyParts {
    return { roles: this.roles, scopes: this.scopes, resourceField: this.resourceField };
  }

  /** The same policy that accepts this role too; `*` is any. Throws `TypeError` for an empty name. */
  withRole(role: string): Policy {
    return new Policy({ ...this.#parts, roles: [...this.roles, named(role, 'role')] });
  }

  /** The same policy that accepts this scope too; `*` is any. Throws `TypeError` for an empty name. */
  withScope(scope: string): Policy {
    return new Policy({ ...this.#parts, scopes: [...this.scopes, named(scope, 'scope')] });
  }

  /** The same policy for commands whose resource is in this field of their data. Throws `TypeError` for an empty name. */
  withResource(field: string): Policy {
    return new Policy({ ...this.#parts, resourceField: named(field, 'resource field') });
  }

  acceptsRole(role: string): boolean {
    return accepts(this.roles, role);
  }

  acceptsScope(scope: string): boolean {
    return accepts(this.scopes, scope);
  }

  /** Whether it allows who is bound so to touch the resource; else which of role, scope and resource speaks against it. */
  verdict(binding: RoleBinding, resource: string | undefined): 'ALLOWS' | 'ROLE' | 'SCOPE' | 'RESOURCE' {
    if (!this.acceptsRole(binding.role)) return 'ROLE';
    if (!this.acceptsScope(binding.scope)) return 'SCOPE';
    if (binding.resource !== undefined && binding.resource !== ANY && binding.resource !== resource)
      return 'RESOURCE';
    return 'ALLOWS';
  }

  toString(): string {
    const list = (names: readonly string[]) => (names.length === 0 ? ANY : names.join('|'));
    const resource = this.resourceField === undefined ? '' : ` on ${this.resourceField}`;
    return `${list(this.roles)} in ${list(this.scopes)}${resource}`;
  }
}

/** A policy that allows whoever has any binding at all, to be narrowed. */
export function policy(): Policy {
  return new Policy();
}

function accepts(names: readonly string[], name: string): boolean {
  return names.length === 0 || names.includes(name) || names.includes(ANY);
}

function named(name: string, what: string): string {
  if (name === '') throw new TypeError(`A policy needs a ${what} that is not empty`);
  return name;
}
