import type { Policy } from '../auth/policy.js';

/** A policy as it is printed for programs; no role and no scope are any. */
export function policyToJson({ resourceField, roles, scopes }: Policy): Record<string, unknown> {
  return { roles, scopes, ...(resourceField === undefined ? {} : { resource_field: resourceField }) };
}
