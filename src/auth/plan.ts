import type { StreamId } from '../core/stream.js';
import type { Caller } from './caller.js';

/** Everything that can be done; policies and refusals name it so. */
export const ACTIONS = [
  'append',
  'load',
  'subscribe',
  'get-stream',
  'list-streams',
  'list-aggregate-types',
  'count-events',
  'get-log',
  'find-command',
  'execute',
  'handle-commands',
  'list-commands',
  'get-permission-model',
  'explain',
  'create-token',
  'list-tokens',
  'revoke-token',
  'grant-role',
  'revoke-role',
  'list-roles',
  'list-rules',
  'who-can',
  'explain-access',
  'read-audit',
  'reflect',
  'get-aggregate',
  'list-aggregates',
  'watch-aggregate',
  'save-snapshot',
  'get-snapshot',
  'delete-snapshots',
  'delete-stream',
  'restore-stream',
  'truncate-stream',
  'set-retention',
  'erase-stream',
  'erase-events',
  'info',
  'create-namespace',
  'list-namespaces',
  'drop-namespace',
  'create-group',
  'update-group',
  'delete-group',
  'get-group',
  'list-groups',
  'consume',
  'list-parked',
  'replay-parked',
  'reset-group',
  'list-projections',
  'get-projection',
  'pause-projection',
  'resume-projection',
  'stop-projection',
  'reset-projection',
  'rebuild-projection',
  'delete-projection',
  'wait-for-projection',
  'list-failed-aggregates',
  'retry-aggregates',
  'load-projection',
  'run-projection',
] as const;

export type Action = (typeof ACTIONS)[number];

/** What is done to the service as a whole, whichever namespace a call names. */
export const ABOUT_THE_SERVICE: ReadonlySet<Action> = new Set([
  'create-token',
  'list-tokens',
  'revoke-token',
  'grant-role',
  'revoke-role',
  'list-roles',
  'list-rules',
  'who-can',
  'explain-access',
  'read-audit',
  'reflect',
  'info',
  'list-namespaces',
]);

/** What it is done to. */
export type Resource =
  | { readonly kind: 'LOG' }
  | { readonly kind: 'STREAM'; readonly stream: StreamId }
  | { readonly kind: 'AGGREGATE_TYPE'; readonly aggregateType: string }
  | { readonly kind: 'NAMESPACE'; readonly name: string }
  | { readonly kind: 'COMMAND_TYPE'; readonly commandType: string }
  | { readonly kind: 'CONSUMER_GROUP'; readonly group: string }
  | { readonly kind: 'PROJECTION'; readonly projection: string }
  | { readonly kind: 'SERVICE' };

/**
 * A call in the words of policies: who wants to do what to which things, in which namespace. Every RPC resolves its
 * request to one before anything else happens, and its handler sees nothing but the plan.
 */
export interface Plan extends Caller {
  readonly action: Action;
  /** All that the call touches, in the caller's namespace; a policy must allow every one. */
  readonly resources: readonly Resource[];
}
