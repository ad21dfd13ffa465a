import type { Appended, AppendRequest } from '../core/append.js';
import type { Executed } from '../core/command.js';
import { HeadwaterError, type Reason, WrongExpectedVersionError } from '../core/errors.js';
import { DEFAULT_CONTENT_TYPE, type Event, type NewEvent } from '../core/event.js';
import type { EventStore } from '../core/event-store.js';
import { expectedVersionHolds } from '../core/expected-version.js';
import type { Runtime } from '../core/runtime.js';
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
  readonly decider: Decider;
  readonly runtime: Pick<Runtime, 'newEventId'>;
  readonly onFailure?: (error: unknown, what: string) => void;
}

/** A deleted stream is one that has changed: what was decided on was not deleted. */
const CONFLICTS: ReadonlySet<Reason> = new Set([
  'WRONG_EXPECTED_VERSION',
  'APPEND_CONDITION_FAILED',
  'STREAM_DELETED',
]);

/** One try: a decision, and its append with the entry in the ledger of commands. */
export class CarryOut {
  readonly #options: CarryOutOptions;
  readonly #saving = new Set<Promise<void>>();

  constructor(options: CarryOutOptions) {
    this.#options = options;
  }

  /** Throws `StaleDecision` after which the command must be decided again, and what the decider and the store throw. */
  async handle(handled: CommandHandling, signal: AbortSignal): Promise<Executed> {
    const { decider, runtime, store } = this.#options;
    const { command, aggregate, type, principal, attempt } = handled;
    const { existence } = type;
    const decided = await decider.decide({ command, aggregate, existence, principal, attempt }, signal);
    // The decider has looked at whether it is deleted; version 0 stands for that too.
    guardExistence(existence, aggregate, { version: decided.version, deleted: false });
    refuseUnexpected(handled, decided.version);
    const events = inheriting(decided.events, handled, () => runtime.newEventId());
    const appended = await this.#append(requestOf(handled, decided, events), store, signal);
    const executed = answerOfAppend(appended, handled, decided.version);
    if (!appended.deduplicated) this.#committed(handled, decided, events, appended);
    return executed;
  }

  async settled(): Promise<void> {
    await Promise.all(this.#saving);
  }

  async #append(
    request: AppendRequest & { readonly onConflict?: 'THROW' },
    store: CarryOutOptions['store'],
    signal: AbortSignal,
  ): Promise<Appended> {
    try {
      return await store.append(request, { signal });
    } catch (error) {
      if (error instanceof HeadwaterError && CONFLICTS.has(error.reason)) throw new StaleDecision(error);
      throw error;
    }
  }

  #committed(
    { aggregate }: CommandHandling,
    { version, snapshot, committed }: Decided,
    events: readonly NewEvent[],
    appended: Appended,
  ): void {
    const now = appended.versions[0]?.version ?? version;
    committed?.(now, asRecorded(events, now, appended));
    if (snapshot === undefined) return;
    // The version that a worker gave is the one it counted with; of an aggregate created anew they go on.
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

function requestOf(
  { command, aggregate, bodyHash }: CommandHandling,
  { version, condition, checks = [] }: Decided,
  events: readonly NewEvent[],
): AppendRequest & { readonly onConflict?: 'THROW' } {
  const known = version > 0n || events.length === 0 ? version + BigInt(events.length) : undefined;
  return {
    streams: [
      { stream: aggregate, expectedVersion: version === 0n ? 'NO_STREAM' : version, events },
      ...checks.map((check) => ({ ...check, events: [] })),
    ],
    ...(condition === undefined ? {} : { condition }),
    command: {
      commandId: command.commandId,
      commandType: command.commandType,
      bodyHash,
      result: ledgerResult(aggregate, known),
    },
  };
}

/** The events of the aggregate as they stand in the log. */
function asRecorded(events: readonly NewEvent[], last: bigint, appended: Appended): readonly Event[] {
  const { firstPosition, recordedAt = 0n, eventIds, versions } = appended;
  const stream = versions[0]?.stream;
  if (stream === undefined) return [];
  return events.map(({ eventId = '', eventType, data, ...more }, index) => ({
    eventId: eventIds[index] ?? eventId,
    stream,
    version: last - BigInt(events.length - 1 - index),
    position: firstPosition + BigInt(index),
    eventType,
    data,
    contentType: more.contentType ?? DEFAULT_CONTENT_TYPE,
    metadata: more.metadata ?? {},
    tags: more.tags ?? [],
    schemaVersion: more.schemaVersion ?? 1,
    recordedAt,
  }));
}
