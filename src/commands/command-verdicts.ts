import type { Policy } from '../auth/policy.js';
import type { RoleBinding } from '../auth/principal.js';
import type { Command } from '../core/command.js';

/** What one policy says of one binding. */
export interface CommandVerdict {
  readonly policy: Policy;
  readonly binding: RoleBinding;
  readonly allows: boolean;
  /** What speaks against it; `undefined` if it allows. */
  readonly because: 'ROLE' | 'SCOPE' | 'RESOURCE' | undefined;
}

/** What each policy says of each binding about a command. */
export function commandVerdicts(
  policies: readonly Policy[],
  bindings: readonly RoleBinding[],
  command: Pick<Command, 'aggregateId' | 'data'>,
): readonly CommandVerdict[] {
  return policies.flatMap((policy) =>
    bindings.map((binding) => {
      // Only a binding for one resource needs to know it, which for JSON means to parse.
      const resource = binding.resource === undefined ? undefined : resourceOf(policy, command);
      const verdict = policy.verdict(binding, resource);
      return {
        policy,
        binding,
        allows: verdict === 'ALLOWS',
        because: verdict === 'ALLOWS' ? undefined : verdict,
      };
    }),
  );
}

/**
 * The resource that a command is about: its aggregate's id, or the value of the policy's field of JSON data. `undefined` if
 * it is not there or neither text nor a number, so that a binding for one resource does not reach it; so it is for a
 * command that creates an aggregate whose id is to be made, and for a field of a protobuf message.
 */
export function resourceOf(
  policy: Policy,
  { aggregateId, data }: Pick<Command, 'aggregateId' | 'data'>,
): string | undefined {
  if (policy.resourceField === undefined) return aggregateId;
  if (data.kind !== 'JSON') return undefined;
  let value = parsed(data.bytes);
  for (const key of policy.resourceField.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    // That it is no JSON is said when it is validated, to those who may send it.
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}
