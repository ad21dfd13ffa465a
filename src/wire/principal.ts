import { ANONYMOUS, type Principal, type RoleBinding } from '../auth/principal.js';
import { InvalidRequestError } from '../core/errors.js';
import { nameProblem, utf8Bytes, Violations } from '../core/validate.js';

/**
 * The request header that names who calls, until callers are authenticated, as JSON:
 * `{"id":"ada","bindings":[{"role":"teller","scope":"branch","resource":"7"}]}`. Whoever can reach the service can say
 * anything in it.
 */
export const PRINCIPAL_HEADER = 'headwater-principal';

/** Bytes of the header. */
const HEADER_BYTES = 4096;

/** The header's value: JSON in ASCII, since no header holds more. */
export function toPrincipalHeader(principal: Principal & { readonly kind: 'USER' }): string {
  const { bindings, id } = principal;
  const json = JSON.stringify({ id, bindings });
  return json.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Who it says calls; throws `InvalidRequestError` if it cannot be understood. Keys that are not known are refused. */
export function fromPrincipalHeader(values: readonly unknown[]): Principal {
  const [value] = values;
  if (value === undefined) return ANONYMOUS;
  if (values.length > 1) throw malformed('is there more than once');
  if (typeof value !== 'string') throw malformed('must be text');
  const bytes = utf8Bytes(value);
  if (bytes > HEADER_BYTES) throw malformed(`is ${bytes} bytes long, the limit is ${HEADER_BYTES}`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {
    throw malformed('must be JSON');
  }
  const violations = new Violations();
  const principal = principalOf(parsed, violations);
  violations.throwIfAny();
  return principal;
}

function principalOf(parsed: unknown, violations: Violations): Principal {
  const { bindings = [], id, ...rest } = objectOf(parsed, '', violations);
  refuseOthers(rest, '', violations);
  const name = nameOf(id, '.id', violations);
  if (!Array.isArray(bindings)) violations.add(`${PRINCIPAL_HEADER}.bindings`, 'must be an array');
  return {
    kind: 'USER',
    id: name,
    bindings: (Array.isArray(bindings) ? (bindings as unknown[]) : []).map((binding, index) =>
      bindingOf(binding, `.bindings[${index}]`, violations),
    ),
  };
}

function bindingOf(parsed: unknown, path: string, violations: Violations): RoleBinding {
  const { resource, role, scope, ...rest } = objectOf(parsed, path, violations);
  refuseOthers(rest, path, violations);
  return {
    role: nameOf(role, `${path}.role`, violations),
    scope: nameOf(scope, `${path}.scope`, violations),
    ...(resource === undefined ? {} : { resource: nameOf(resource, `${path}.resource`, violations) }),
  };
}

function objectOf(parsed: unknown, path: string, violations: Violations): Record<string, unknown> {
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
    return parsed as Record<string, unknown>;
  violations.add(`${PRINCIPAL_HEADER}${path}`, 'must be an object');
  return {};
}

function nameOf(value: unknown, path: string, violations: Violations): string {
  const problem = typeof value === 'string' ? nameProblem(value) : 'must be text';
  if (problem !== undefined) violations.add(`${PRINCIPAL_HEADER}${path}`, problem);
  return String(value);
}

/** A misspelt "ressource" must not make a binding for one thing one for all. */
function refuseOthers(rest: Record<string, unknown>, path: string, violations: Violations): void {
  for (const key of Object.keys(rest))
    violations.add(
      `${PRINCIPAL_HEADER}${path}`,
      `has ${JSON.stringify(key.slice(0, 50))}, which is not known`,
    );
}

function malformed(description: string): InvalidRequestError {
  return new InvalidRequestError([{ field: PRINCIPAL_HEADER, description }]);
}
