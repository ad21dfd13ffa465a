import type { CallOptions } from './call-options.js';
import type { Microseconds } from './event.js';
import type { ExpectedVersion } from './expected-version.js';
import type { StreamId, StreamVersion } from './stream.js';

/** What a command carries: JSON, or a protobuf message with its type. */
export type CommandData =
  | { readonly kind: 'JSON'; readonly bytes: Uint8Array }
  | { readonly kind: 'MESSAGE'; readonly typeName: string; readonly bytes: Uint8Array };

/** A command as it is sent, for whoever decides it. */
export interface Command {
  /**
   * 1 to 255 bytes, best a UUID. The same id with the same body is answered as the first time.
   * @default one is made; such a command must not be retried blindly
   */
  readonly commandId?: string;
  /** What is wished, for example "OpenAccount". */
  readonly commandType: string;
  /** @default a new aggregate, whose id is made */
  readonly aggregateId?: string;
  readonly data: CommandData;
  /**
   * Facts that its events inherit.
   * @default {}
   */
  readonly metadata?: Readonly<Record<string, string>>;
  /** @default nothing is expected; a conflict is decided again */
  readonly expectedVersion?: ExpectedVersion;
}

/** A command that was decided and whose events, if any, are committed. */
export interface Executed {
  readonly aggregate: StreamId;
  /** The version of the aggregate's last event. */
  readonly version: bigint;
  /** Of the last event of the command; 0 if it had none. */
  readonly position: bigint;
  readonly epoch: bigint;
  readonly commandId: string;
  readonly eventIds: readonly string[];
  /** It was done already: this is a repeat, answered as the first time. */
  readonly deduplicated: boolean;
}

/** A command in the ledger. */
export interface LedgerCommand {
  readonly commandId: string;
  readonly commandType: string;
  readonly bodyHash: Uint8Array;
  /** The result that was kept with it; empty if none was, or one of its events was erased. */
  readonly result: Uint8Array;
  /** Of its events; 0 if it had none. */
  readonly firstPosition: bigint;
  readonly lastPosition: bigint;
  readonly recordedAt: Microseconds;
  /** Of its events, in order; also of those of which only the shell is left. */
  readonly eventIds: readonly string[];
  /** Of the last of its events in each stream, in the order of the append. */
  readonly versions: readonly StreamVersion[];
  /** The log's now, to be kept with the positions. */
  readonly epoch: bigint;
}

/**
 * Where commands are sent: to a domain in the same process, or to a service. Fails with `CommandNotRegisteredError`,
 * `PolicyDeniedError`, `CommandIdReusedError`, `CommandRejectedError`, `InvalidRequestError`, `StreamNotFoundError`,
 * `StreamDeletedError`, `WrongExpectedVersionError`, and with `StoreUnavailableError`, `OverloadedError` and
 * `DeadlineExceededError`, which may be retried with the same id.
 */
export interface CommandBus {
  execute(command: Command, options?: CallOptions): Promise<Executed>;
}

/** What a command asks of its aggregate before it is decided. */
export type Existence = 'MUST_EXIST' | 'MUST_NOT_EXIST' | 'ANY';
