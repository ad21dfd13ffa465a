import type { StreamPattern } from '../core/filter.js';
import { namesStream } from '../core/matcher.js';
import { type AccessRule, coversAction, coversName } from './access-rule.js';
import type { Action } from './plan.js';
import type { RoleBinding } from './principal.js';

/** One rule that is good for the caller, by one binding: for all streams, or those of these patterns. */
export interface Allowance {
  readonly rule: AccessRule;
  /** Neither rule nor binding is about some namespaces or things only. */
  readonly everywhere: boolean;
  readonly streams: readonly StreamPattern[] | undefined;
}

/** What a caller may do by an action in a namespace, whatever it is done to: by these, or why not at all. */
export type Standing =
  | { readonly here: readonly Allowance[] }
  | { readonly refused: 'NO_BINDING' | 'NO_RULE' | 'ROLE' | 'NAMESPACE' };

/** What a caller asks for by call after call. */
type Known = Map<string, Standing>;

/** Of one caller at most; one that goes from namespace to namespace begins anew. */
const KNOWN = 64;
/**
 * Neither rules nor bindings are ever changed, only replaced: so what they come to is worked out once for each caller, and not for
 * each append of a call with thousands. (`authentication` of `npm run bench`.)
 */
const KNOWN_OF = new WeakMap<readonly AccessRule[], WeakMap<readonly RoleBinding[], Known>>();

/** How the rules stand to the bindings of a caller. A pure function. */
export function standing(
  rules: readonly AccessRule[],
  bindings: readonly RoleBinding[],
  action: Action,
  namespace: string,
): Standing {
  if (bindings.length === 0) return { refused: 'NO_BINDING' };
  let ofRules = KNOWN_OF.get(rules);
  if (ofRules === undefined) KNOWN_OF.set(rules, (ofRules = new WeakMap()));
  let known = ofRules.get(bindings);
  if (known === undefined) ofRules.set(bindings, (known = new Map()));
  const key = `${action} ${namespace}`;
  let found = known.get(key);
  if (found === undefined) {
    found = workedOut(rules, bindings, action, namespace);
    if (known.size >= KNOWN) known.clear();
    known.set(key, found);
  }
  return found;
}

function workedOut(
  rules: readonly AccessRule[],
  bindings: readonly RoleBinding[],
  action: Action,
  namespace: string,
): Standing {
  const acting = rules.filter((rule) => coversAction(rule, action));
  if (acting.length === 0) return { refused: 'NO_RULE' };
  const held = acting.flatMap((rule) =>
    bindings.filter((one) => holds(rule, one)).map((one) => ({ rule, one })),
  );
  if (held.length === 0) return { refused: 'ROLE' };
  const here = held.flatMap(({ rule, one }) => allowanceOf(rule, one, namespace));
  return here.length === 0 ? { refused: 'NAMESPACE' } : { here };
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
