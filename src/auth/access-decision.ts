import type { StreamPattern } from '../core/filter.js';
import { namesStream } from '../core/matcher.js';
import type { StreamId } from '../core/stream.js';
import { type AccessRule, coversName } from './access-rule.js';
import type { Action, Plan, Resource } from './plan.js';
import { bindingsOf } from './principal.js';
import { type Allowance, both, standing } from './standing.js';

/** What becomes of a call. */
export type AccessDecision =
  | {
      readonly verdict: 'ALLOW';
      /** What it may see, of what it asks for; without: all. Each of the answer's streams must be named by one. */
      readonly only?: readonly StreamPattern[];
      /** The rules that allow it. */
      readonly rules: readonly string[];
    }
  | { readonly verdict: 'DENY'; readonly because: Refusal; readonly resource: Resource | undefined };

/** Why nothing allows it, the nearest that came to it. */
export type Refusal = 'NO_BINDING' | 'NO_RULE' | 'ROLE' | 'NAMESPACE' | 'RESOURCE' | 'NOT_NARROWED';

/** Reads whose answer can be narrowed to what may be seen. */
const NARROWED: ReadonlySet<Action> = new Set([
  'load',
  'subscribe',
  'count-events',
  'list-streams',
  'list-aggregate-types',
  'list-aggregates',
]);
/** What tells of all that has a name, and cannot be narrowed to some names. */
const LISTS_NAMES: ReadonlySet<Action> = new Set([
  'list-groups',
  'list-projections',
  'list-commands',
  'get-permission-model',
]);
/** What tells of no stream, although it is about the log: positions are no secret inside a namespace. */
const ABOUT_NO_STREAM: ReadonlySet<Action> = new Set(['get-log', 'list-commands', 'get-permission-model']);
/** More than this and a query could not hold it. */
const PATTERNS = 100;

/**
 * Whether the rules allow a plan: each of its resources must be allowed by some rule, for reads of many streams with what
 * the answer has to be narrowed to. A pure function of rules and plan, and the only place where it is decided. A plan without
 * resources asks whether anything of its kind is allowed at all.
 */
export function decideAccess(rules: readonly AccessRule[], plan: Plan): AccessDecision {
  // What is about a namespace by name is about that one, whichever the call was sent to.
  const about = plan.resources.find((resource) => resource.kind === 'NAMESPACE');
  const namespace = about?.kind === 'NAMESPACE' ? about.name : plan.namespace;
  const stands = standing(rules, bindingsOf(plan.principal), plan.action, namespace);
  if ('refused' in stands) return { verdict: 'DENY', because: stands.refused, resource: undefined };
  const { here } = stands;

  const names = new Set<string>();
  let only: StreamPattern[] | undefined;
  for (const resource of plan.resources) {
    const allowed = allowancesFor(here, resource, plan);
    if (allowed.length === 0) return { verdict: 'DENY', because: 'RESOURCE', resource };
    for (const { rule } of allowed) names.add(rule.name);
    if (resource.kind !== 'LOG' && resource.kind !== 'AGGREGATE_TYPE') continue;
    if (ABOUT_NO_STREAM.has(plan.action) || allowed.some(({ streams }) => streams === undefined)) {
      // All of this type may be seen, whatever else is asked for beside it.
      if (only !== undefined && resource.kind === 'AGGREGATE_TYPE')
        only.push({ aggregateType: resource.aggregateType });
      continue;
    }
    if (!NARROWED.has(plan.action)) return { verdict: 'DENY', because: 'NOT_NARROWED', resource };
    only ??= plan.resources
      .slice(0, plan.resources.indexOf(resource))
      .flatMap((before) =>
        before.kind === 'AGGREGATE_TYPE' ? [{ aggregateType: before.aggregateType }] : [],
      );
    only.push(...allowed.flatMap(({ streams = [] }) => streams));
  }
  if (only !== undefined && only.length > PATTERNS)
    return { verdict: 'DENY', because: 'NOT_NARROWED', resource: plan.resources[0] };
  return { verdict: 'ALLOW', rules: [...names], ...(only === undefined ? {} : { only }) };
}

/** Those that allow a resource, each narrowed to it. */
function allowancesFor(
  allowances: readonly Allowance[],
  resource: Resource,
  { action, resources }: Plan,
): readonly Allowance[] {
  switch (resource.kind) {
    case 'STREAM':
      return allowances.filter(({ streams }) => namesAny(streams, resource.stream));
    case 'AGGREGATE_TYPE':
      return allowances.flatMap((allowance) => {
        const { streams } = allowance;
        if (streams === undefined) return [allowance];
        const to = { aggregateType: resource.aggregateType };
        const narrowed = streams.flatMap((pattern) => both(pattern, to) ?? []);
        if (narrowed.length === 0) return [];
        // All of the type is all that was asked for.
        return narrowed.some((pattern) => isWholeType(pattern))
          ? [{ ...allowance, streams: undefined }]
          : [{ ...allowance, streams: narrowed }];
      });
    case 'LOG':
      return LISTS_NAMES.has(action) ? allowances.filter(({ rule }) => rule.names === undefined) : allowances;
    case 'COMMAND_TYPE':
      return named(allowances, resource.commandType, resources);
    case 'CONSUMER_GROUP':
      return named(allowances, resource.group, resources);
    case 'PROJECTION':
      return named(allowances, resource.projection, resources);
    case 'NAMESPACE':
      // It is all that is in it.
      return allowances.filter(({ rule, streams }) => streams === undefined && rule.names === undefined);
    case 'SERVICE':
      return action === 'info' ? allowances : allowances.filter(({ everywhere }) => everywhere);
  }
}

/**
 * What has a name may be about any stream. Where the call does not say which, and so none is asked for beside it, nobody may
 * who is allowed some streams only.
 */
function named(
  allowances: readonly Allowance[],
  name: string,
  resources: readonly Resource[],
): readonly Allowance[] {
  const saysStreams = resources.some(
    ({ kind }) => kind === 'LOG' || kind === 'STREAM' || kind === 'AGGREGATE_TYPE',
  );
  return allowances.filter(
    ({ rule, streams }) => coversName(rule.names, name) && (streams === undefined || saysStreams),
  );
}

function namesAny(streams: readonly StreamPattern[] | undefined, stream: StreamId): boolean {
  return streams === undefined || streams.some((pattern) => namesStream(pattern, stream));
}

function isWholeType({ aggregateId, aggregateIdPrefix }: StreamPattern): boolean {
  return aggregateId === undefined && aggregateIdPrefix === undefined;
}
