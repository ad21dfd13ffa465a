import { ANONYMOUS, type Principal } from '../auth/principal.js';
import type { Aggregate, DataCodecs, DataInput } from '../commands/aggregate.js';
import { AggregateManager } from '../commands/aggregate-manager.js';
import { commandOf, CommandRegistry } from '../commands/command-registry.js';
import { CommandRejectedError } from '../core/errors.js';
import type { Event, Microseconds, NewEvent } from '../core/event.js';
import type { PayloadTypes } from '../core/event-types.js';
import { eventsOf } from '../core/load.js';
import type { Runtime } from '../core/runtime.js';
import { isSystemEventType } from '../core/system-events.js';
import type { StreamId } from '../core/stream.js';
import { createMemoryEventStore } from '../memory/index.js';
import { GivenWhenThenError, shownAs } from './given-when-then-error.js';

/** Events of another stream than the aggregate's. */
export interface GivenElsewhere {
  readonly stream: StreamId;
  readonly events: readonly NewEvent[];
}

export interface WhenOptions {
  /** @default nobody in particular */
  readonly principal?: Principal;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What a command must come to. */
export interface Then {
  /** These events and no others, with these payloads; tags are compared where they are given. */
  then(...expected: readonly NewEvent[]): Promise<void>;
  /** The domain refuses with this reason. */
  thenRejected(domainReason: string): Promise<void>;
  /** It fails so; for what comes before the domain, as `INVALID_REQUEST` or `STREAM_NOT_FOUND`. */
  thenFails(reason: string): Promise<void>;
}

export interface When<Codecs extends DataCodecs> {
  /** The command, whoever may send it; its data are written and read as they would be. */
  when<Name extends keyof Codecs & string>(
    commandType: Name,
    payload: DataInput<Codecs[Name]>,
    options?: WhenOptions,
  ): Then;
}

export interface Given<Codecs extends DataCodecs> extends When<Codecs> {
  /** What has happened elsewhere, for decisions that query. */
  elsewhere(...elsewhere: readonly GivenElsewhere[]): Given<Codecs>;
}

/** When it is, in these tests: 2000-01-01 UTC. */
export const TEST_TIME: Microseconds = 946_684_800_000_000n;
/** The id of the aggregate that is tested. */
export const TEST_AGGREGATE = 'tested';

/**
 * Tests an aggregate, in whatever style it is written: given what has happened, when a command comes, then these events, or
 * that refusal. Without I/O, clock or chance: the time stands still and ids are counted.
 *
 * Failures are thrown with what was expected and what came, so any test framework shows them.
 *
 * @example
 * await given(account, accountEvents.encode('AccountOpened', { owner: 'ada' }))
 *   .when('Deposit', { amount: 10 })
 *   .then(accountEvents.encode('Deposited', { amount: 10 }));
 */
export function given<State, Types extends PayloadTypes, Codecs extends DataCodecs>(
  aggregate: Aggregate<State, Types, Codecs>,
  ...events: readonly NewEvent[]
): Given<Codecs> {
  return givenAll(aggregate, [
    { stream: { aggregateType: aggregate.type, aggregateId: TEST_AGGREGATE }, events },
  ]);
}

function givenAll<State, Types extends PayloadTypes, Codecs extends DataCodecs>(
  aggregate: Aggregate<State, Types, Codecs>,
  history: readonly GivenElsewhere[],
): Given<Codecs> {
  return {
    elsewhere: (...more) => givenAll(aggregate, [...history, ...more]),
    when: (commandType, payload, options = {}) => {
      const outcome = () => outcomeOf(aggregate, history, commandType, payload, options);
      return {
        // oxlint-disable-next-line unicorn/no-thenable -- the word of given/when/then; whoever awaits too early is told
        then: async (...expected) => {
          if (awaited(expected)) return;
          const { events, error } = await outcome();
          if (error !== undefined) throw unexpected(`${commandType} failed`, listOf(expected), error);
          if (listOf(events) !== listOf(expected, events))
            throw unexpected(`${commandType} came to other events`, listOf(expected, events), listOf(events));
        },
        thenRejected: async (domainReason) => {
          const { events, error } = await outcome();
          if (error instanceof CommandRejectedError && error.domainReason === domainReason) return;
          throw unexpected(`${commandType} was not rejected so`, domainReason, error ?? listOf(events));
        },
        thenFails: async (reason) => {
          const { events, error } = await outcome();
          if (error !== undefined && 'reason' in error && error.reason === reason) return;
          throw unexpected(`${commandType} did not fail so`, reason, error ?? listOf(events));
        },
      };
    },
  };
}

async function outcomeOf<
  State,
  Types extends PayloadTypes,
  Codecs extends DataCodecs,
  Name extends keyof Codecs & string,
>(
  aggregate: Aggregate<State, Types, Codecs>,
  history: readonly GivenElsewhere[],
  commandType: Name,
  payload: DataInput<Codecs[Name]>,
  { principal = ANONYMOUS, metadata = {} }: WhenOptions,
): Promise<{ readonly events: readonly Event[]; readonly error?: Error }> {
  const runtime = standstill();
  const store = createMemoryEventStore({ runtime });
  for (const { stream, events } of history)
    if (events.length > 0) await store.append({ streams: [{ stream, expectedVersion: 'ANY', events }] });
  const { position } = await store.getLog();
  const registry = new CommandRegistry().register(aggregate);
  const hash = () => new Uint8Array(32);
  const manager = new AggregateManager({ store, registry, runtime, hash, everybody: true, attempts: 1 });
  try {
    const command = commandOf(aggregate, commandType, payload, { aggregateId: TEST_AGGREGATE, metadata });
    await manager.execute(command, { principal, signal: new AbortController().signal });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { events: [], error };
  }
  const events: Event[] = [];
  const filters = [{ positions: { first: position + 1n } }];
  for await (const event of eventsOf(store.load({ filters })))
    if (!isSystemEventType(event.eventType)) events.push(event);
  return { events };
}

/** Events as text; of tags only what both have something to say about. */
function listOf(events: readonly NewEvent[], beside: readonly NewEvent[] = events): string {
  if (events.length === 0) return 'no events';
  return events
    .map(({ tags, ...event }, index) => shownAs({ ...event, tags: tags ?? beside[index]?.tags ?? [] }))
    .join('\n');
}

/** `await given(…).when(…)` calls `then` with two functions, of which the second takes the failure. */
function awaited([, reject]: readonly unknown[]): boolean {
  if (typeof reject !== 'function') return false;
  const told = reject as (error: Error) => void;
  told(new TypeError('Say with then, thenRejected or thenFails what the command must come to'));
  return true;
}

function unexpected(message: string, expected: string, actual: string | Error): GivenWhenThenError {
  return new GivenWhenThenError(message, expected, actual);
}

/** Time that stands still, and ids that count. */
function standstill(): Runtime {
  let ids = 0;
  return {
    now: () => TEST_TIME,
    monotonic: () => 0,
    sleep: () => Promise.resolve(),
    random: () => 0,
    newEventId: () => `00000000-0000-7000-8000-${(++ids).toString(16).padStart(12, '0')}`,
  };
}
