import type { Principal } from './principal.js';

/** Who calls, and which log the call is about. */
export interface Caller {
  readonly principal: Principal;
  /** The name of the namespace; whether it exists is asked only when the policy has allowed the call. */
  readonly namespace: string;
  /** The address from which the call comes; `undefined` in process. */
  readonly peer?: string;
}
