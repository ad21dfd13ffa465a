import type { RoleBinding } from '../auth/principal.js';

/** What a claim of a token makes of its bearer. */
export interface ClaimMapping {
  /** The path of the claim: `roles`, or `realm_access.roles` for one inside another. Text (words), or a list of texts. */
  readonly claim: string;
  /** Of its values only this one; `*` is any, `orders-*` any that begins so. @default "*" */
  readonly value?: string;
  /** The role; `$value` in it is the value, `$rest` what the `*` of `value` stands for. */
  readonly role: string;
  /** As `role`. */
  readonly scope: string;
  /** As `role`. @default for all resources */
  readonly resource?: string;
}

/** Bindings of one token; more are not looked at. */
const MOST = 200;

/** The bindings that the mappings make of the claims. Claims that are of another kind make none. */
export function bindingsOfClaims(
  claims: Readonly<Record<string, unknown>>,
  mappings: readonly ClaimMapping[],
): readonly RoleBinding[] {
  const bindings: RoleBinding[] = [];
  for (const mapping of mappings)
    for (const value of valuesOf(claims, mapping.claim)) {
      const rest = restOf(mapping.value ?? '*', value);
      if (rest === undefined || bindings.length >= MOST) continue;
      const filled = (text: string) =>
        text.replaceAll(/\$(value|rest)/g, (_, name) => (name === 'value' ? value : rest));
      bindings.push({
        role: filled(mapping.role),
        scope: filled(mapping.scope),
        ...(mapping.resource === undefined ? {} : { resource: filled(mapping.resource) }),
      });
    }
  return bindings.filter(({ role, scope, resource }) => role !== '' && scope !== '' && resource !== '');
}

function valuesOf(claims: Readonly<Record<string, unknown>>, claim: string): readonly string[] {
  let value: unknown = claims;
  // A claim may have dots in its own name, as URLs have.
  if (Object.hasOwn(claims, claim)) value = claims[claim];
  else
    for (const key of claim.split('.')) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return [];
      value = (value as Record<string, unknown>)[key];
    }
  if (typeof value === 'string') return value.split(' ').filter((word) => word !== '');
  return Array.isArray(value)
    ? value.filter((one): one is string => typeof one === 'string' && one !== '')
    : [];
}

/** What the `*` stands for; empty where there is none; `undefined` if the value is another. */
function restOf(pattern: string, value: string): string | undefined {
  if (!pattern.endsWith('*')) return value === pattern ? '' : undefined;
  const begin = pattern.slice(0, -1);
  return value.startsWith(begin) ? value.slice(begin.length) : undefined;
}
