import type { AuditEntry } from '../auth/access-admin.js';
import type { AccessDecision } from '../auth/access-decision.js';
import { ACTION_GROUPS } from '../auth/access-rule.js';
import type { Action, Plan } from '../auth/plan.js';
import type { Runtime } from '../core/runtime.js';
import { BECAUSE } from './because.js';
import { patternText } from '../core/stream-text.js';

export interface AuditGatheredOptions {
  readonly runtime: Pick<Runtime, 'now'>;
  /** `changes`: what was refused, and what administrators and owners did; `all`: every call. */
  readonly level: 'none' | 'changes' | 'all';
  readonly shadow: boolean;
}

/** An entry, and where it goes. */
export interface Gathered {
  readonly entry: AuditEntry;
  /** It belongs to the audit at this level. */
  readonly audited: boolean;
  /** It was refused, or would have been, which is logged at any level. */
  readonly refused: boolean;
}

/** What is done all day long, and not audited as a change. */
const USUAL: ReadonlySet<Action> = new Set([
  ...ACTION_GROUPS.read,
  ...ACTION_GROUPS.write,
  ...ACTION_GROUPS.command,
  ...ACTION_GROUPS.work,
  ...ACTION_GROUPS.consume,
  ...ACTION_GROUPS.project,
  'list-namespaces',
  'list-parked',
  'list-failed-aggregates',
]);
/** Entries that differ … */
const ENTRIES = 10_000;
/** … and addresses that were refused; all further ones are one. */
const STRANGERS = 100;
const RESOURCES = 10;

interface Counted {
  readonly entry: Omit<AuditEntry, 'count'>;
  readonly audited: boolean;
  readonly refused: boolean;
  count: number;
}

/** Decisions of the last moments, counted where they are the same. */
export class AuditGathered {
  readonly #options: AuditGatheredOptions;
  #counted = new Map<string, Counted>();
  #strangers = new Set<string>();
  #dropped = 0;

  constructor(options: AuditGatheredOptions) {
    this.#options = options;
  }

  decided(plan: Plan, decision: AccessDecision): void {
    const { level, shadow } = this.#options;
    const allowed = decision.verdict === 'ALLOW';
    const only = allowed ? decision.only : undefined;
    const refused = !allowed || (shadow && only !== undefined);
    const audited = level === 'all' || (level === 'changes' && (refused || !USUAL.has(plan.action)));
    if (!audited && !refused) return;
    const { principal } = plan;
    const narrowed =
      shadow && only !== undefined ? `; would see only ${only.map(patternText).join(', ')}` : '';
    this.#count(
      {
        at: 0n,
        principal: principal.kind === 'USER' ? principal.id : '',
        authenticatedBy: principal.kind === 'USER' ? (principal.credential?.by ?? 'none') : 'none',
        action: plan.action,
        namespace: plan.namespace,
        resources: plan.resources.slice(0, RESOURCES),
        allowed,
        because: allowed ? `${decision.rules.join(', ')}${narrowed}` : BECAUSE[decision.because],
        peer: hostOf(plan.peer ?? ''),
        shadow: shadow && refused,
      },
      { audited, refused },
    );
  }

  /** Who they say they are is not known, so they are counted by where they come from. */
  notAuthenticated(because: string, peer: string): void {
    const host = hostOf(peer);
    const known = this.#strangers.has(host) || this.#strangers.size < STRANGERS;
    if (known) this.#strangers.add(host);
    this.#count(
      {
        at: 0n,
        principal: '',
        authenticatedBy: 'none',
        action: 'authenticate',
        namespace: '',
        resources: [],
        allowed: false,
        because,
        peer: known ? host : '',
        shadow: false,
      },
      { audited: this.#options.level !== 'none', refused: true },
    );
  }

  /** All of it, once, and how many there was no room for. */
  take(): { readonly gathered: readonly Gathered[]; readonly dropped: number } {
    const gathered = [...this.#counted.values()].map(({ count, entry, ...where }) => ({
      entry: { ...entry, count },
      ...where,
    }));
    const dropped = this.#dropped;
    this.#counted = new Map();
    this.#strangers = new Set();
    this.#dropped = 0;
    return { gathered, dropped };
  }

  #count(entry: Counted['entry'], where: Pick<Counted, 'audited' | 'refused'>): void {
    const key = JSON.stringify({ ...entry, at: undefined });
    const same = this.#counted.get(key);
    if (same !== undefined) same.count += 1;
    else if (this.#counted.size >= ENTRIES) this.#dropped += 1;
    else this.#counted.set(key, { entry: { ...entry, at: this.#options.runtime.now() }, ...where, count: 1 });
  }
}

/** Without the port, which is another for each connection. */
function hostOf(peer: string): string {
  return peer.replace(/:\d+$/, '');
}
