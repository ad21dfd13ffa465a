import type { StreamPattern } from '../core/filter.js';
import type { Action } from './plan.js';

/** Actions that are mostly allowed together; a rule may name these beside single actions. */
export const ACTION_GROUPS = {
  /** Events, streams, aggregates, and what is known about them. */
  read: [
    'load',
    'subscribe',
    'get-stream',
    'list-streams',
    'list-aggregate-types',
    'count-events',
    'get-log',
    'get-aggregate',
    'list-aggregates',
    'watch-aggregate',
    'get-snapshot',
    'load-projection',
    'wait-for-projection',
    'info',
  ],
  write: ['append', 'find-command', 'save-snapshot'],
  /** What hides or empties events, or throws copies away. */
  manage: [
    'delete-stream',
    'restore-stream',
    'truncate-stream',
    'set-retention',
    'erase-stream',
    'erase-events',
    'delete-snapshots',
  ],
  /** To send commands; the policies of the commands decide as well. */
  command: ['execute', 'list-commands'],
  /** To decide commands for others. */
  work: ['handle-commands'],
  consume: ['consume', 'get-group', 'list-groups'],
  'manage-groups': [
    'create-group',
    'update-group',
    'delete-group',
    'list-parked',
    'replay-parked',
    'reset-group',
  ],
  project: ['run-projection', 'load-projection', 'get-projection', 'list-projections'],
  'manage-projections': [
    'pause-projection',
    'resume-projection',
    'stop-projection',
    'reset-projection',
    'rebuild-projection',
    'delete-projection',
    'list-failed-aggregates',
    'retry-aggregates',
  ],
  'manage-namespaces': ['create-namespace', 'list-namespaces', 'drop-namespace'],
  /** Who may what, and who did what. */
  'manage-access': [
    'create-token',
    'list-tokens',
    'revoke-token',
    'grant-role',
    'revoke-role',
    'list-roles',
    'list-rules',
    'who-can',
    'explain-access',
    'explain',
    'get-permission-model',
    'read-audit',
    'reflect',
  ],
} as const satisfies Record<string, readonly Action[]>;

export type ActionGroup = keyof typeof ACTION_GROUPS;

/** What the resource of a binding is for a rule: which namespace, which aggregate type, or which aggregate. */
export type BindingResource = 'NAMESPACE' | 'AGGREGATE_TYPE' | 'AGGREGATE_ID';

/**
 * Allows something to whoever is bound to one of its roles in one of its scopes. Nothing is allowed that no rule allows.
 * Names in `namespaces` and `names` are exact, begin so (`orders_*`), or any (`*`).
 *
 * Bounds hold also for what they do not seem to be about. A rule with `streams`, or a binding to an aggregate or a type, is
 * good for nothing that may be about any stream: sending commands, projections, groups whose selection the call does not
 * show, an append with a condition, namespaces, the service. (Consuming and making groups it allows whose scope it covers,
 * handling commands of whole aggregate types that it covers.) A rule with `names` is good for no list of names, no
 * namespace, and not for the service; one with `namespaces`, or a binding to one, not for the service.
 */
export interface AccessRule {
  /** For those who ask why. */
  readonly name: string;
  /** Any of these; `*` is any that there is a binding for. */
  readonly roles: readonly string[];
  /** @default any */
  readonly scopes?: readonly string[];
  /** What may be done; `*` is everything. */
  readonly actions: readonly (Action | ActionGroup | '*')[];
  /** @default any */
  readonly namespaces?: readonly string[];
  /** Of streams: only these, and nothing that may be about others. @default all */
  readonly streams?: readonly StreamPattern[];
  /** Of command types, consumer groups and projections: only those of these names; streams are not bound by it. @default all */
  readonly names?: readonly string[];
  /** What a binding with a resource is good for. @default "NAMESPACE" */
  readonly bindingResource?: BindingResource;
}

/** Whether a rule is about an action. */
export function coversAction({ actions }: AccessRule, action: Action): boolean {
  return actions.some(
    (one) =>
      one === '*' ||
      one === action ||
      (one in ACTION_GROUPS && (ACTION_GROUPS[one as ActionGroup] as readonly Action[]).includes(action)),
  );
}

/** Whether a name is one of these: exact, `begins_so*`, or `*`. */
export function coversName(patterns: readonly string[] | undefined, name: string): boolean {
  return (
    patterns === undefined ||
    patterns.some((pattern) =>
      pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
    )
  );
}
