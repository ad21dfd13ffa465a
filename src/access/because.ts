import type { Refusal } from '../auth/access-decision.js';

/** For people. */
export const BECAUSE: Readonly<Record<Refusal, string>> = {
  NO_BINDING: 'they have no role',
  NO_RULE: 'no rule is about that',
  ROLE: 'the rules about that are for other roles or scopes',
  NAMESPACE: 'the rules for their roles are about other namespaces',
  RESOURCE: 'the rules for their roles are about other things',
  NOT_NARROWED: 'it is about more than they may see, and cannot be narrowed to that',
};
