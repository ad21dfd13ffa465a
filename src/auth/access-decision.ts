import type { StreamPattern } from '../core/filter.js';
import { namesStream } from '../core/matcher.js';
import type { StreamId } from '../core/stream.js';
import { type AccessRule, coversAction, coversName } from './access-rule.js';
import type { Action, Plan, Resource } from './plan.js';
import { bindingsOf, type RoleBinding } from './principal.js';

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

/** One rule that is good for the caller, by one binding: for all streams, or those of these patterns. */
interface Allowance {
  readonly rule: AccessRule;
  /** Neither rule nor binding is about some namespaces or things only. */
  readonly everywhere: boolean;
  readonly streams: readonly StreamPattern[] | undefined;
}

/**
 * Whether the rules allow a plan: each of its resources must be allowed by some rule, for reads of many streams with what
 * the answer has to be narrowed to. A pure function of rules and plan, and the only place where it is decided. A plan without
 * resources asks whether anything of its kind is allowed at all.
 */
export function decideAccess(rules: readonly AccessRule[], plan: Plan): AccessDecision {
  const bindings = bindingsOf(plan.principal);
  // What is about a namespace by name is about that one, whichever the call was sent to.
  const about = plan.resources.find((resource) => resource.kind === 'NAMESPACE');
  const namespace = about?.kind === 'NAMESPACE' ? about.name : plan.namespace;
  if (bindings.length === 0) return { verdict: 'DENY', because: 'NO_BINDING', resource: undefined };
  const acting = rules.filter((rule) => coversAction(rule, plan.action));
  if (acting.length === 0) return { verdict: 'DENY', because: 'NO_RULE', resource: undefined };
  const held = acting.flatMap((rule) =>
    bindings.filter((one) => holds(rule, one)).map((one) => ({ rule, one })),
  );
  if (held.length === 0) return { verdict: 'DENY', because: 'ROLE', resource: undefined };
  const here = held.flatMap(({ rule, one }) => allowanceOf(rule, one, namespace));
  if (here.length === 0) return { verdict: 'DENY', because: 'NAMESPACE', resource: undefined };

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

function holds({ roles, scopes }: AccessRule, { role, scope }: RoleBinding): boolean {
  return (
    (roles.includes(role) || roles.includes('*')) &&
    (scopes === undefined || scopes.includes(scope) || scopes.includes('*'))
  );
}

/** What a rule is good for by a binding in a namespace; nothing where one of them is about another. */
function allowanceOf(rule: AccessRule, binding: RoleBinding, namespace: string): readonly Allowance[] {
  if (!coversName(rule.namespaces, namespace)) return [];
  const { resource } = binding;
  if (resource === undefined || resource === '*')
    return [{ rule, streams: rule.streams, everywhere: isUnbounded(rule) }];
  switch (rule.bindingResource ?? 'NAMESPACE') {
    case 'NAMESPACE':
      return resource === namespace ? [{ rule, streams: rule.streams, everywhere: false }] : [];
    case 'AGGREGATE_TYPE':
      return narrowedTo(rule, { aggregateType: resource });
    case 'AGGREGATE_ID':
      return narrowedTo(rule, { aggregateId: resource });
  }
}

function isUnbounded({ names, namespaces, streams }: AccessRule): boolean {
  return names === undefined && namespaces === undefined && streams === undefined;
}

/** The streams of the rule of which the binding is also good. */
function narrowedTo(rule: AccessRule, to: StreamPattern): readonly Allowance[] {
  const streams = (rule.streams ?? [{}]).flatMap((pattern) => both(pattern, to) ?? []);
  return streams.length === 0 ? [] : [{ rule, streams, everywhere: false }];
}

/** A pattern for the streams that both name; `undefined` if there can be none. */
export function both(one: StreamPattern, other: StreamPattern): StreamPattern | undefined {
  const type = one.aggregateType ?? other.aggregateType;
  if (other.aggregateType !== undefined && type !== other.aggregateType) return undefined;
  const typed = type === undefined ? {} : { aggregateType: type };
  const id = one.aggregateId ?? other.aggregateId;
  if (id !== undefined) {
    const stream = { aggregateType: type ?? '', aggregateId: id };
    const holdsId = (pattern: StreamPattern) => namesStream({ ...pattern, ...typed }, stream);
    return holdsId(one) && holdsId(other) ? { ...typed, aggregateId: id } : undefined;
  }
  const [short = '', long = ''] = [one.aggregateIdPrefix ?? '', other.aggregateIdPrefix ?? ''].sort(
    (a, b) => a.length - b.length,
  );
  if (!long.startsWith(short)) return undefined;
  return long === '' ? typed : { ...typed, aggregateIdPrefix: long };
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
