import { PolicyDeniedError } from '../core/errors.js';
import type { Plan } from './plan.js';

/** Decides whether a call may go on. Without I/O, since appends of one call are decided in the order sent. */
export interface PolicyDecision {
  decide(plan: Plan): 'ALLOW' | 'DENY';
}

/** Allows everything: for a service on loopback, or one that says `--allow-unauthenticated`. */
export const allowAll: PolicyDecision = { decide: () => 'ALLOW' };

/** Throws `PolicyDeniedError` unless the plan is allowed. */
export function authorize(policy: PolicyDecision, plan: Plan): void {
  if (policy.decide(plan) !== 'ALLOW') throw new PolicyDeniedError(plan.action);
}
