import type { StreamPattern } from '../core/filter.js';
import { PolicyDeniedError } from '../core/errors.js';
import type { AccessDecision } from './access-decision.js';
import type { Plan } from './plan.js';

/** Decides whether a call may go on. Without I/O, since appends of one call are decided in the order sent. */
export interface PolicyDecision {
  /** The decision about a call that is there: it may be written down. */
  decide(plan: Plan): AccessDecision;
  /** What `decide` would give; nobody is told. */
  would(plan: Plan): AccessDecision;
}

const EVERYTHING: AccessDecision = { verdict: 'ALLOW', rules: [] };

/** Allows everything: for a service on loopback, or one that says `--allow-unauthenticated`. */
export const allowAll: PolicyDecision = { decide: () => EVERYTHING, would: () => EVERYTHING };

/**
 * Throws `PolicyDeniedError` unless the plan is allowed; gives to which streams the answer is to be narrowed, `undefined` to
 * none.
 */
export function authorize(policy: PolicyDecision, plan: Plan): readonly StreamPattern[] | undefined {
  const decision = policy.decide(plan);
  if (decision.verdict !== 'ALLOW') throw new PolicyDeniedError(plan.action);
  return decision.only;
}
