import type { Appended, AppendRequest, CommandEntry, StreamAppend } from '../core/append.js';
import type { Executed } from '../core/command.js';
import { HeadwaterError, type Reason, WrongExpectedVersionError } from '../core/errors.js';
import { DEFAULT_CONTENT_TYPE, type Event, type NewEvent } from '../core/event.js';
import type { EventStore } from '../core/event-store.js';
import { expectedVersionHolds } from '../core/expected-version.js';
import type { Mutable } from '../core/mutable.js';
import type { Runtime } from '../core/runtime.js';
import type { StreamId } from '../core/stream.js';
import type { Decided, Decider } from './decider.js';
import { guardExistence } from './existence.js';
import { inheriting } from './inherited-metadata.js';
import { answerOfAppend, ledgerResult } from './ledger-answer.js';
import type { CommandHandling } from './middleware.js';

/** What a command was decided on has changed; its cause is what the caller is told if it does so every time. */
export class StaleDecision extends Error {
  constructor(cause: HeadwaterError) {
    super('What the command was decided on has changed', { cause });
    this.name = new.target.name;
  }
}

export interface CarryOutOptions {
  readonly store: Pick<EventStore, 'append' | 'saveSnapshot'>;
  readonly runtime: Pick<Runtime, 'newEventId'>;
  readonly onFailure?: (error: unknown, what: string) => void;
}

interface CommitOptions {
  /** @default those of the decision */
  readonly events?: readonly NewEvent[];
  /** @default the append is not a command's */
  readonly command?: CommandEntry;
}

/** A deleted stream is one that has changed: what was decided on was not deleted. */
const CONFLICTS: ReadonlySet<Reason> = new Set([
  'WRONG_EXPECTED_VERSION',
  'APPEND_CONDITION_FAILED',
  'STREAM_DELETED',
]);

/** Appends what was decided, and tells those who keep states. */
export class CarryOut {
  readonly #options: CarryOutOptions;
  readonly #saving = new Set<Promise<void>>();

  constructor(options: CarryOutOptions) {
    this.#options = options;
  }

  /**
   * One try of a command: a decision, and its append with the entry in the ledger of commands. Throws `StaleDecision` after
   * which it must be decided again, and what the decider and the store throw.
   */
  async handle(handled: CommandHandling, decider: Decider, signal: AbortSignal): Promise<Executed> {
    const { runtime } = this.#options;
    const { command, aggregate, type, principal, attempt, bodyHash } = handled;
    const { existence } = type;
    const decided = await decider.decide({ command, aggregate, existence, principal, attempt }, signal);
    const { version } = decided;
    // The decider has looked at whether it is deleted; version 0 stands for that too.
    guardExistence(existence, aggregate, { version, deleted: false });
    refuseUnexpected(handled, version);
    const events = inheriting(decided.events, handled, () => runtime.newEventId());
    const entry = {
      commandId: command.commandId,
      commandType: command.commandType,
      bodyHash,
      result: ledgerResult(aggregate, version, events),
    };
    const appended = await this.commit(aggregate, decided, signal, { events, command: entry });
    return answerOfAppend(appended, handled, version);
  }

  /**
   * Appends what was decided, with these events in place of those of the decision. Throws `StaleDecision` after which it must be
   * decided again, and what the store throws.
   */
  async commit(
    aggregate: StreamId,
    decided: Decided,
    signal: AbortSignal,
    { command, events = decided.events }: CommitOptions = {},
  ): Promise<Appended> {
    const { version, condition, checks = [] } = decided;
    const streams: StreamAppend[] = [
      { stream: aggregate, expectedVersion: version === 0n ? 'NO_STREAM' : version, events },
    ];
    for (const check of checks) streams.push({ ...check, events: [] });
    const request: Mutable<Pick<AppendRequest, 'streams' | 'condition' | 'command'>> = { streams };
    if (condition !== undefined) request.condition = condition;
    if (command !== undefined) request.command = command;
    let appended: Appended;
    try {
      appended = await this.#options.store.append(request, { signal });
    } catch (error) {
      if (error instanceof HeadwaterError && CONFLICTS.has(error.reason)) throw new StaleDecision(error);
      throw error;
    }
    if (!appended.deduplicated) this.#committed(aggregate, decided, events, appended);
    return appended;
  }

  async settled(): Promise<void> {
    while (this.#saving.size > 0) await Promise.all(this.#saving);
  }

  #committed(
    aggregate: StreamId,
    { version, snapshot, committed }: Decided,
    events: readonly NewEvent[],
    appended: Appended,
  ): void {
    const now = appended.versions[0]?.version ?? version;
    committed?.(now, asRecorded(events, now, appended));
    if (snapshot === undefined) return;
    // Whoever took it counted from 0; of an aggregate created anew the versions go on.
    const kept = version === 0n ? { ...snapshot, version: now } : snapshot;
    const saving = this.#options.store
      .saveSnapshot(aggregate, kept)
      .catch((error: unknown) => this.#options.onFailure?.(error, 'keeping a snapshot'))
      .finally(() => this.#saving.delete(saving));
    this.#saving.add(saving);
  }
}

/** A decision on a version that the caller does not expect; on the first try it may be the decider's that is old. */
function refuseUnexpected({ command, aggregate, attempt }: CommandHandling, actual: bigint): void {
  const { expectedVersion: expected } = command;
  if (expected === undefined || expectedVersionHolds(expected, actual)) return;
  const error = new WrongExpectedVersionError([{ stream: aggregate, expected, actual }]);
  throw attempt === 1 ? new StaleDecision(error) : error;
}

/** The events of the aggregate as they stand in the log. */
function asRecorded(events: readonly NewEvent[], last: bigint, appended: Appended): readonly Event[] {
  const { firstPosition, recordedAt = 0n, eventIds, versions } = appended;
  const stream = versions[0]?.stream;
  if (stream === undefined) return [];
  return events.map((event, index) => ({
    eventId: eventIds[index] ?? event.eventId ?? '',
    stream,
    version: last - BigInt(events.length - 1 - index),
    position: firstPosition + BigInt(index),
    eventType: event.eventType,
    data: event.data,
    contentType: event.contentType ?? DEFAULT_CONTENT_TYPE,
    metadata: event.metadata ?? {},
    tags: event.tags ?? [],
    schemaVersion: event.schemaVersion ?? 1,
    recordedAt,
  }));
}
