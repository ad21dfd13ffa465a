import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AppendOutcome, AppendRequest } from '../../src/core/append.js';
import { HeadwaterError, InternalError } from '../../src/core/errors.js';
import type { EventStore } from '../../src/core/event-store.js';
import type { NewEvent } from '../../src/core/event.js';
import { DEFAULT_LIMITS } from '../../src/core/limits.js';
import type { ExpectedVersion } from '../../src/core/expected-version.js';
import type { StreamId } from '../../src/core/stream.js';
import { createMemoryEventStore } from '../../src/memory/index.js';
import { GroupAppends } from '../../src/postgres/group-appends.js';
import { GroupCommit } from '../../src/postgres/group-commit.js';
import { prepareAppend } from '../../src/postgres/prepared-append.js';
import { systemRuntime } from '../../src/system.js';
import { loaded } from '../../src/testing/index.js';
import { openTestStore, type TestStore } from '../support/test-database.js';

// What a group of appends comes to is what its requests come to one after the other. The oracle is the store in memory,
// which knows no groups and no SQL. Groups are those that group commit makes of what arrives at once.

const RUNS = process.env['HEADWATER_TEST_REQUIRE_ALL'] ? 300 : 60;
const STREAMS = Array.from({ length: 16 }, (_, index) => `s${index}`);
const TYPES = ['Opened', 'Changed', 'Closed'];
const TAGS = ['x', 'y', 'quo"te', 'back\\slash', 'com,ma', '{}', 'NULL', ' é😀'];

let test: TestStore;
beforeAll(async () => {
  test = await openTestStore({ sweep: { intervalMilliseconds: 3_600_000 } });
});
afterAll(() => test.close());

interface PlannedEvent {
  readonly type: string;
  readonly tags: readonly string[];
  readonly bytes: number;
  /** The id of an event before, if there is one. */
  readonly reuse: number | undefined;
}

/** A number is how far behind the version that would be right if all before it in the group were written. */
type PlannedExpectation = number | 'NO_STREAM' | 'STREAM_EXISTS' | 'ANY';

interface PlannedRequest {
  readonly repeat: number | undefined;
  readonly entries: readonly {
    readonly stream: string;
    readonly expected: PlannedExpectation;
    readonly events: readonly PlannedEvent[];
  }[];
  readonly condition:
    | { readonly types: readonly string[]; readonly tags: readonly string[]; readonly behind: number }
    | undefined;
  readonly command: { readonly id: number; readonly body: number } | undefined;
}

type Turn =
  | { readonly kind: 'GROUP'; readonly requests: readonly PlannedRequest[] }
  | { readonly kind: 'DELETE' | 'TRUNCATE'; readonly stream: string };

const rarely = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 8 });
const never = fc.constant(undefined);

const event = (special: boolean): fc.Arbitrary<PlannedEvent> =>
  fc.record({
    type: fc.constantFrom(...TYPES),
    tags: fc.uniqueArray(fc.constantFrom(...TAGS), { maxLength: 2 }),
    bytes: fc.constantFrom(0, 1, 40, 3000),
    reuse: special ? rarely(fc.nat(200)) : never,
  });

const request = (special: boolean, entries: number): fc.Arbitrary<PlannedRequest> =>
  fc.record({
    repeat: special ? fc.option(fc.nat(40), { nil: undefined, freq: 2 }) : never,
    entries: fc.uniqueArray(
      fc.record({
        stream: fc.constantFrom(...STREAMS),
        expected: fc.constantFrom<PlannedExpectation>(
          0,
          0,
          0,
          0,
          0,
          0,
          'ANY',
          'ANY',
          'STREAM_EXISTS',
          1,
          'NO_STREAM',
        ),
        events: fc.array(event(special), { maxLength: 3 }),
      }),
      { minLength: 1, maxLength: entries, selector: ({ stream }) => stream },
    ),
    condition: special
      ? rarely(
          fc.record({
            types: fc.uniqueArray(fc.constantFrom(...TYPES), { maxLength: 2 }),
            tags: fc.uniqueArray(fc.constantFrom(...TAGS), { maxLength: 2 }),
            behind: fc.nat(5),
          }),
        )
      : never,
    command: fc.option(fc.record({ id: fc.nat(special ? 30 : 10_000), body: fc.nat(1) }), {
      nil: undefined,
      freq: special ? 3 : 1,
    }),
  });

const turn: fc.Arbitrary<Turn> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.boolean(), fc.constantFrom(1, 1, 3))
      .chain(([special, entries]) => group(special, entries)),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('DELETE' as const, 'TRUNCATE' as const),
      stream: fc.constantFrom(...STREAMS),
    }),
  },
);

/** With one entry a request and nothing special, it is decided the short way. */
function group(special: boolean, entries: number): fc.Arbitrary<Turn> {
  return fc.record({
    kind: fc.constant('GROUP' as const),
    requests: fc.array(request(special, entries), { minLength: 1, maxLength: 40, size: 'max' }),
  });
}

/** Makes requests of plans, by what has been planned before. */
class Maker {
  readonly #prefix: string;
  readonly #requests: AppendRequest[] = [];
  readonly #ids: string[] = [];
  readonly #versions = new Map<string, number>();

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  stream(name: string): StreamId {
    return { aggregateType: `Thing ${this.#prefix}`, aggregateId: name };
  }

  /** The versions that a caller would know by now. */
  async learn(store: EventStore): Promise<void> {
    for (const name of STREAMS)
      await store.getStream(this.stream(name)).then(
        ({ version }) => this.#versions.set(name, Number(version)),
        () => this.#versions.delete(name),
      );
  }

  request(plan: PlannedRequest, head: bigint): AppendRequest {
    const again = plan.repeat === undefined ? undefined : this.#requests[plan.repeat % this.#requests.length];
    if (again !== undefined) return again;
    const taken = new Set<string>();
    const made: AppendRequest = {
      onConflict: 'RETURN',
      streams: plan.entries.map(({ stream, expected, events }) => {
        const version = this.#versions.get(stream) ?? 0;
        this.#versions.set(stream, version + events.length);
        return {
          stream: this.stream(stream),
          expectedVersion: expectedVersion(expected, version),
          events: events.map((planned) => this.#event(planned, taken)),
        };
      }),
      ...(plan.condition === undefined ? {} : { condition: this.#condition(plan.condition, head) }),
      ...(plan.command === undefined
        ? {}
        : {
            command: {
              commandId: `${this.#prefix} ${plan.command.id}`,
              commandType: 'Do',
              bodyHash: createHash('sha256').update(`${plan.command.body}`).digest(),
              result: Buffer.from(`result ${plan.command.id}`),
            },
          }),
    };
    this.#requests.push(made);
    return made;
  }

  #event({ type, tags, bytes, reuse }: PlannedEvent, taken: Set<string>): NewEvent {
    let eventId = reuse === undefined ? undefined : this.#ids[reuse % this.#ids.length];
    if (eventId === undefined || taken.has(eventId)) eventId = systemRuntime.newEventId();
    taken.add(eventId);
    this.#ids.push(eventId);
    return {
      eventId,
      eventType: type,
      tags: tags.map((tag) => this.#tag(tag)),
      data: Buffer.alloc(bytes, 'x'),
      metadata: { type, 'sp "ec': `${bytes}` },
      contentType: bytes === 1 ? 'text/plain' : 'application/json',
      schemaVersion: 1 + tags.length,
    };
  }

  #condition({ types, tags, behind }: NonNullable<PlannedRequest['condition']>, head: bigint) {
    const after = head > BigInt(behind) ? head - BigInt(behind) : 0n;
    // A tag of this run stands in each: the log is shared by all runs.
    return {
      items: [{ eventTypes: types, tags: [...tags, 'x'].slice(0, 1).map((tag) => this.#tag(tag)) }],
      after: { position: after, epoch: 0n },
    };
  }

  #tag(tag: string): string {
    return `${this.#prefix}:${tag}`;
  }
}

function expectedVersion(expected: PlannedExpectation, version: number): ExpectedVersion {
  if (typeof expected !== 'number') return expected;
  const right = version - expected;
  return right > 0 ? BigInt(right) : 'NO_STREAM';
}

/** What became of a request, without what differs from log to log. */
function told(outcome: AppendOutcome | HeadwaterError, base: bigint): unknown {
  const behind = (position: bigint) => (position === 0n ? 0n : position - base);
  if (outcome instanceof HeadwaterError) return { error: outcome.name };
  if (outcome.outcome === 'REFUSED') {
    const { conditionFailedAt, conflicts } = outcome;
    return { conflicts, ...(conditionFailedAt === undefined ? {} : { at: behind(conditionFailedAt) }) };
  }
  const { firstPosition, lastPosition, versions, eventIds, deduplicated, commandResult } = outcome;
  return {
    first: behind(firstPosition),
    last: behind(lastPosition),
    versions,
    eventIds,
    deduplicated,
    result: commandResult === undefined ? undefined : Buffer.from(commandResult).toString(),
  };
}

const settle = (append: Promise<AppendOutcome>) =>
  append.catch((error: unknown) => {
    if (error instanceof HeadwaterError && error.name !== 'InternalError') return error;
    throw error;
  });

async function decided(commits: GroupCommit, request: AppendRequest): Promise<AppendOutcome> {
  const verdict = await commits.submit(prepareAppend(request, DEFAULT_LIMITS, systemRuntime));
  if (verdict instanceof Error) throw verdict;
  return verdict;
}

async function logOf(store: EventStore, base: bigint): Promise<unknown> {
  const events = await loaded(store, {
    scope: { kind: 'LOG' },
    filters: [{ positions: { first: base + 1n } }],
  });
  return events.map(({ position, data, ...event }) => ({
    ...event,
    recordedAt: undefined,
    position: position - base,
    data: Buffer.from(data).toString(),
  }));
}

it(`groups come to what their requests come to one by one, ${RUNS} histories`, async () => {
  let run = 0;
  let appended = 0;
  let other = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(turn, { minLength: 1, maxLength: 8, size: 'max' }), async (turns) => {
      const maker = new Maker(`${(run += 1)}`);
      const oracle = createMemoryEventStore({ runtime: systemRuntime });
      const { store } = test;
      const { position: base, epoch } = await store.getLog();
      // Not through the store, which may look at a condition before the request takes its place.
      const { database, schema } = test;
      const appends = new GroupAppends({ database, schema, runtime: systemRuntime });
      const commits = new GroupCommit({
        commit: (requests) => appends.append(requests),
        follow: (requests) => appends.follow(requests),
        followingEvents: 1,
        errorFor: (error) => new InternalError('A group failed', { cause: error }),
        runtime: systemRuntime,
      });
      const oracleEpoch = (await oracle.getLog()).epoch;
      try {
        for (const planned of turns)
          if (planned.kind === 'GROUP') {
            const oracleHead = (await oracle.getLog()).position;
            expect((await store.getLog()).position - base).toBe(oracleHead);
            await maker.learn(oracle);
            const requests = planned.requests.map((plan) => maker.request(plan, oracleHead));
            const moved = requests.map((one) => ({
              ...one,
              ...(one.condition?.after === undefined
                ? {}
                : {
                    condition: {
                      ...one.condition,
                      after: { position: one.condition.after.position + base, epoch },
                    },
                  }),
            }));
            const got = await Promise.all(moved.map((one) => settle(decided(commits, one))));
            for (const [index, one] of requests.entries()) {
              const after = one.condition?.after;
              const wanted = await settle(
                oracle.append({
                  ...one,
                  ...(after === undefined
                    ? {}
                    : {
                        condition: {
                          items: one.condition?.items ?? [],
                          after: { ...after, epoch: oracleEpoch },
                        },
                      }),
                }),
              );
              const outcome = got[index];
              if (outcome === undefined) throw new Error('No outcome');
              expect(told(outcome, base)).toEqual(told(wanted, 0n));
              if (!(outcome instanceof Error) && outcome.outcome === 'APPENDED' && !outcome.deduplicated)
                appended += 1;
              else other += 1;
            }
          } else {
            const change = {
              stream: maker.stream(planned.stream),
              expectedVersion: 'ANY' as const,
              eventId: systemRuntime.newEventId(),
            };
            for (const each of [store, oracle])
              await (planned.kind === 'DELETE'
                ? each.deleteStream(change)
                : each.truncateStream({ ...change, beforeVersion: 1n })
              ).catch((error: unknown) => {
                if (!(error instanceof HeadwaterError)) throw error;
              });
          }
        expect(await logOf(store, base)).toEqual(await logOf(oracle, 0n));
        for (const name of STREAMS) {
          const [got, wanted] = await Promise.all(
            [store, oracle].map((each) =>
              each.getStream(maker.stream(name)).then(
                ({ version, firstVersion, deletedAt }) => ({
                  version,
                  firstVersion,
                  deleted: deletedAt !== undefined,
                }),
                (error: unknown) => (error as Error).name,
              ),
            ),
          );
          expect(got).toEqual(wanted);
        }
      } finally {
        await commits.close();
      }
    }),
    { numRuns: RUNS },
  );
  console.log(`${RUNS} histories, ${appended} appended, ${other} repeated or refused`);
  const [row] = await test.database.query(
    'read',
    `SELECT (SELECT array_agg((tag, position) ORDER BY tag, position) FROM "${test.schema}".event_tags)
        IS NOT DISTINCT FROM
            (SELECT array_agg((tag, position) ORDER BY tag, position)
               FROM "${test.schema}".events, unnest(tags) AS tag),
            (SELECT count(*) FROM "${test.schema}".streams s
              WHERE s.version <> (SELECT max(e.version) FROM "${test.schema}".events e
                                   WHERE (e.aggregate_type, e.aggregate_id) = (s.aggregate_type, s.aggregate_id)))`,
    [],
  );
  expect(row).toEqual(['t', '0']);
  expect(appended).toBeGreaterThan(RUNS * 10);
  expect(other).toBeGreaterThan(RUNS * 10);
}, 300_000);
