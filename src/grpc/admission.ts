import type { AccessControl } from '../auth/access-control.js';
import type { Caller } from '../auth/caller.js';
import type { Action, Plan } from '../auth/plan.js';
import { authorize } from '../auth/policy-decision.js';
import { PolicyDeniedError, UnauthenticatedError } from '../core/errors.js';
import type { StreamPattern } from '../core/filter.js';
import type { Runtime } from '../core/runtime.js';
import type { CallScope } from './call-scope.js';
import type { Narrow } from './narrowed.js';

/** `setTimeout` takes no more. */
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * A call that was let in: who calls, and what was allowed. For as long as the call lasts it is looked at again whenever rules,
 * roles or tokens change, and when its credential expires, and ended once it would not be let in any more.
 */
export class Admission {
  readonly #access: AccessControl;
  readonly #scope: CallScope;
  readonly #runtime: Runtime;
  #caller: Caller;
  /** The plan of a call that goes on, as it was made, and to what it was narrowed. */
  #kept: { readonly plan: Plan; readonly only: readonly StreamPattern[] | undefined } | undefined;

  constructor(access: AccessControl, caller: Caller, scope: CallScope, runtime: Runtime) {
    this.#access = access;
    this.#caller = caller;
    this.#scope = scope;
    this.#runtime = runtime;
  }

  /** As things are now. */
  get caller(): Caller {
    return this.#caller;
  }

  /** The plan, if the policy allows it, narrowed to what may be seen. Throws `PolicyDeniedError`. */
  plan<P extends Plan>(plan: P, narrow?: Narrow<P>): P {
    return narrowedTo(plan, authorize(this.#access, plan), narrow);
  }

  /** As {@link plan}, of a call that goes on: it ends when the policy would decide otherwise. */
  keep<P extends Plan>(plan: P, narrow?: Narrow<P>): P {
    const only = authorize(this.#access, plan);
    this.#kept = { plan, only };
    return narrowedTo(plan, only, narrow);
  }

  /**
   * Of a call that carries many requests, each of which is decided about when it comes: throws `PolicyDeniedError` unless
   * something of the kind is allowed at all, and ends the call when nothing is any more. Before the namespace is looked up:
   * whether there is one is not for everybody to know.
   */
  enter(action: Action): void {
    const plan: Plan = { ...this.#caller, action, resources: [] };
    if (this.#access.would(plan).verdict !== 'ALLOW') authorize(this.#access, plan);
    this.#kept = { plan, only: undefined };
  }

  /** Whether the policy allows something beside, as reading what stands in an append's way. */
  allows(plan: Plan): boolean {
    const decision = this.#access.would(plan);
    return decision.verdict === 'ALLOW' && decision.only === undefined;
  }

  /** Looks at it again from now on, until the call is over. Throws if it would not be let in any more already. */
  watch(): void {
    const { principal } = this.#caller;
    const stop = this.#access.onChange(() => this.#again());
    this.#scope.onClose(stop);
    // Since it was let in, a token may have been verified and a namespace opened, which takes its time.
    this.#again();
    this.#scope.signal.throwIfAborted();
    const expiresAt = principal.kind === 'USER' ? principal.credential?.expiresAt : undefined;
    const cancel = expiresAt === undefined ? undefined : this.#endAt(expiresAt);
    if (cancel !== undefined) this.#scope.onClose(cancel);
  }

  /** Gives how to leave it alone. */
  #endAt(expiresAt: bigint): () => void {
    let timer: NodeJS.Timeout;
    const wait = () => {
      const milliseconds = Number((expiresAt - this.#runtime.now() + 999n) / 1000n);
      if (milliseconds <= 0)
        return this.#scope.abort(new UnauthenticatedError('The credentials have expired'));
      timer = setTimeout(wait, Math.min(milliseconds, LONGEST_TIMER)).unref();
    };
    wait();
    return () => clearTimeout(timer);
  }

  #again(): void {
    const principal = this.#access.again(this.#caller.principal);
    if (principal === undefined)
      return this.#scope.abort(new UnauthenticatedError('The credentials were revoked, or have expired'));
    this.#caller = { ...this.#caller, principal };
    if (this.#kept === undefined) return;
    const { only, plan } = this.#kept;
    const decision = this.#access.would({ ...plan, principal });
    if (decision.verdict === 'ALLOW' && JSON.stringify(decision.only) === JSON.stringify(only)) return;
    this.#scope.abort(new PolicyDeniedError(plan.action));
  }
}

function narrowedTo<P extends Plan>(
  plan: P,
  only: readonly StreamPattern[] | undefined,
  narrow: Narrow<P> | undefined,
): P {
  if (only === undefined) return plan;
  if (narrow === undefined) throw new PolicyDeniedError(plan.action);
  return narrow(plan, only);
}
