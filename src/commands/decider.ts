import type { CommandTypeInfo } from '../auth/command-type.js';
import type { Principal } from '../auth/principal.js';
import type { AppendCondition } from '../core/append.js';
import type { Command, Existence } from '../core/command.js';
import type { Event, NewEvent } from '../core/event.js';
import type { ExpectedVersion } from '../core/expected-version.js';
import type { NewSnapshot } from '../core/snapshot.js';
import type { StreamId } from '../core/stream.js';

export type { CommandTypeInfo };

/** A command whose sender may send it, for whoever decides it. */
export interface DecideRequest {
  readonly command: Command & { readonly commandId: string };
  readonly aggregate: StreamId;
  readonly existence: Existence;
  readonly principal: Principal;
  /** 1 for the first try; above it, what was decided on had changed, so nothing that was kept may be relied on. */
  readonly attempt: number;
}

/** What a command comes to, and on what that was decided. */
export interface Decided {
  /** The aggregate's version when it was decided: 0 if it had no events, or was deleted and is created anew. */
  readonly version: bigint;
  /** In order; may be empty. */
  readonly events: readonly NewEvent[];
  /** What must not have happened meanwhile; if it has, the command is decided again. */
  readonly condition?: AppendCondition;
  /** Other streams that must be at these versions; if one is not, the command is decided again. */
  readonly checks?: readonly { readonly stream: StreamId; readonly expectedVersion: ExpectedVersion }[];
  /** The state with these events, to be kept. */
  readonly snapshot?: NewSnapshot;
  /**
   * Called with the version that the aggregate has now and the events as they stand in the log, so that whoever keeps states
   * can keep this one. Not called for a repeat. Must not throw.
   */
  readonly committed?: (version: bigint, events: readonly Event[]) => void;
}

/**
 * Decides commands of some types: a domain in the same process, or workers elsewhere. It reads what it needs and appends
 * nothing; `CommandExecutor` does that with the version that was decided on, and asks again after a conflict.
 *
 * Fails with `CommandRejectedError` (the domain refuses), `InvalidRequestError` (the payload), `StreamNotFoundError`,
 * `StreamDeletedError` and `WrongExpectedVersionError` (the command's existence does not hold), `StoreUnavailableError`,
 * `OverloadedError` (retry).
 */
export interface Decider {
  /** The command types that it decides now. */
  readonly commandTypes: ReadonlyMap<string, CommandTypeInfo>;
  /** Why it does not decide a type that is not among them: `CommandNotRegisteredError`, unless this says otherwise. */
  missing?(commandType: string): Error;
  decide(request: DecideRequest, signal: AbortSignal): Promise<Decided>;
}
