import type { AccessControl } from './access-control.js';
import type { AccessDecision } from './access-decision.js';
import type { Plan } from './plan.js';

const CLOSED: AccessDecision = { verdict: 'DENY', because: 'NAMESPACE', resource: undefined };

/**
 * The same access control, but for one namespace, of which nothing is allowed: that in which other services on the same database
 * keep roles and tokens. Who could write there through a service that asks nobody who they are could come in elsewhere.
 */
export function withoutNamespace(access: AccessControl, namespace: string): AccessControl {
  const isClosed = (plan: Plan) =>
    plan.namespace === namespace ||
    plan.resources.some((resource) => resource.kind === 'NAMESPACE' && resource.name === namespace);
  return {
    authenticate: (presented) => access.authenticate(presented),
    again: (principal) => access.again(principal),
    decide: (plan) => (isClosed(plan) ? CLOSED : access.decide(plan)),
    would: (plan) => (isClosed(plan) ? CLOSED : access.would(plan)),
    onChange: (listener) => access.onChange(listener),
  };
}
