import { beforeAll, describe, expect, it } from 'vitest';
import type { AccessControl } from '../../src/auth/access-control.js';
import { decideAccess } from '../../src/auth/access-decision.js';
import type { AccessRule } from '../../src/auth/access-rule.js';
import type { Plan } from '../../src/auth/plan.js';
import type { RoleBinding } from '../../src/auth/principal.js';
import { connect } from '../../src/client/connect.js';
import { PolicyDeniedError } from '../../src/core/errors.js';
import type { Event } from '../../src/core/event.js';
import type { EventStore } from '../../src/core/event-store.js';
import type { Scope, StreamPattern } from '../../src/core/filter.js';
import { eventsOf } from '../../src/core/load.js';
import type { StreamId } from '../../src/core/stream.js';
import { createMemoryEventStore } from '../../src/memory/memory-event-store.js';
import { systemRuntime } from '../../src/system.js';
import { newEvent, seededRandom, to } from '../../src/testing/builders.js';
import { startService } from '../grpc/service.js';
import { inTurns } from './matrix/turns.js';

const PLANS = 12_000;
const TYPES = ['A', 'B', 'AB'];
const IDS = ['a', 'a-1', 'a-10', 'ab', 'b'];
const STREAMS = TYPES.flatMap((aggregateType) => IDS.map((aggregateId) => ({ aggregateType, aggregateId })));

/** Who may what by some rules, as the file would have it. */
interface Scenario {
  readonly rules: readonly AccessRule[];
  readonly bindings: readonly RoleBinding[];
}

type Random = () => number;
const oneOf = <T>(random: Random, all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;
const maybe = <T>(random: Random, odds: number, make: () => T): T | undefined =>
  random() < odds ? make() : undefined;
const some = <T>(random: Random, most: number, make: () => T): T[] =>
  Array.from({ length: 1 + Math.floor(random() * most) }, make);

function pattern(random: Random): StreamPattern {
  const type = maybe(random, 0.7, () => oneOf(random, TYPES));
  const kind = random();
  return {
    ...(type === undefined ? {} : { aggregateType: type }),
    ...(kind < 0.3 ? { aggregateId: oneOf(random, IDS) } : {}),
    ...(kind > 0.6 ? { aggregateIdPrefix: oneOf(random, ['a', 'a-', 'a-1', 'b']) } : {}),
  };
}

function scenario(random: Random): Scenario {
  const roles = ['r', 's'];
  const rules = some(random, 3, () => {
    const streams = maybe(random, 0.7, () => some(random, 3, () => pattern(random)));
    const bindingResource = maybe(random, 0.6, () =>
      oneOf(random, ['NAMESPACE', 'AGGREGATE_TYPE', 'AGGREGATE_ID'] as const),
    );
    const namespaces = maybe(random, 0.3, () => oneOf(random, [['test'], ['te*'], ['other']]));
    return {
      roles: [oneOf(random, [...roles, '*'])],
      actions: oneOf(random, [['read'], ['write'], ['read', 'write'], ['*']] as const),
      ...(streams ? { streams } : {}),
      ...(bindingResource ? { bindingResource } : {}),
      ...(namespaces ? { namespaces } : {}),
    };
  }).map((rule, index) => ({ ...rule, name: String(index) }));
  const bindings = some(random, 2, () => {
    const resource = maybe(random, 0.4, () => oneOf(random, ['test', 'other', 'A', 'AB', 'a', 'a-1', '*']));
    return { role: oneOf(random, roles), scope: 'x', ...(resource === undefined ? {} : { resource }) };
  });
  return { rules, bindings };
}

/** By going through all rules and bindings: which streams somebody may read or write; and whether any whatsoever. */
function reach({ bindings, rules }: Scenario, what: 'read' | 'write') {
  const pairs = rules
    .filter(({ actions }) => actions.includes('*') || actions.includes(what))
    .filter(({ namespaces = ['test'] }) => namespaces.some((name) => name === 'test' || name === 'te*'))
    .flatMap((rule) =>
      bindings
        .filter(({ role }) => rule.roles.includes(role) || rule.roles.includes('*'))
        .filter(
          ({ resource = '*' }) =>
            resource === '*' || (rule.bindingResource ?? 'NAMESPACE') !== 'NAMESPACE' || resource === 'test',
        )
        .map(({ resource = '*' }) => ({ rule, resource })),
    );
  const may = (stream: StreamId) =>
    pairs.some(
      ({ resource, rule }) =>
        (rule.streams ?? [{}]).some(
          ({
            aggregateId = stream.aggregateId,
            aggregateIdPrefix = '',
            aggregateType = stream.aggregateType,
          }: StreamPattern) =>
            aggregateId === stream.aggregateId &&
            aggregateType === stream.aggregateType &&
            stream.aggregateId.startsWith(aggregateIdPrefix),
        ) &&
        (resource === '*' ||
          (rule.bindingResource === 'AGGREGATE_TYPE' && resource === stream.aggregateType) ||
          (rule.bindingResource === 'AGGREGATE_ID' && resource === stream.aggregateId) ||
          (rule.bindingResource ?? 'NAMESPACE') === 'NAMESPACE'),
    );
  const everything = pairs.some(
    ({ resource, rule }) =>
      rule.streams === undefined &&
      (resource === '*' || (rule.bindingResource ?? 'NAMESPACE') === 'NAMESPACE'),
  );
  return { may, everything };
}

const keyOf = ({ aggregateId, aggregateType }: StreamId) => `${aggregateType}/${aggregateId}`;
const DENIED = 'DENIED';
const orDenied = async <T>(call: Promise<T>): Promise<T | typeof DENIED> =>
  call.catch((error: unknown) => {
    if (error instanceof PolicyDeniedError) return DENIED;
    throw error;
  });

describe('random requests of random principals by random rules', () => {
  let store: EventStore;
  let all: Event[];
  beforeAll(async () => {
    store = createMemoryEventStore({ runtime: systemRuntime });
    for (const round of [1, 2])
      for (const stream of STREAMS)
        await store.append({ streams: [to(stream, 'ANY', newEvent({ json: round }))] });
    all = [];
    for await (const event of eventsOf(store.load({}))) all.push(event);
  });

  it('are answered with nothing beyond what each may see, and with all of that', async () => {
    const random = seededRandom(20_260_501);
    const scenarios = Array.from({ length: 300 }, () => scenario(random));
    const decide = (plan: Plan) => {
      const id = plan.principal.kind === 'USER' ? Number(plan.principal.id) : -1;
      return decideAccess(scenarios[id]?.rules ?? [], plan);
    };
    const access: AccessControl = {
      authenticate: ({ header }) => {
        const id = String(header('authorization')[0]).replace('Bearer ', '');
        return { kind: 'USER', id, bindings: scenarios[Number(id)]?.bindings ?? [] };
      },
      again: (principal) => principal,
      onChange: () => () => undefined,
      decide,
      would: decide,
    };
    const { address } = await startService(store, { access });
    const counts = { shown: 0, narrowed: 0, refused: 0, appends: 0 };
    const wrong: string[] = [];
    await inTurns([...scenarios.entries()], 4, async ([number, of]) => {
      const connection = connect({ address, token: String(number), timeoutMs: 20_000 });
      const { eventStore } = connection;
      const own = seededRandom(number);
      const read = reach(of, 'read');
      const write = reach(of, 'write');
      const complain = (what: string, found: unknown, wanted: unknown) =>
        wrong.push(`${what} by ${JSON.stringify(of)}: ${String(found)}, not ${String(wanted)}`);
      const compare = (what: string, found: unknown, wanted: unknown) => {
        if (found === DENIED) counts.refused += 1;
        if (String(found) !== String(wanted)) complain(what, found, wanted);
      };
      for (let plan = 0; plan < PLANS / scenarios.length; plan++) {
        const kind = own();
        if (kind < 0.3) {
          counts.appends += 1;
          const streams = [...new Set(some(own, 3, () => oneOf(own, STREAMS)))];
          const condition = maybe(own, 0.3, () => ({
            items: [{ eventTypes: ['None'] }],
            after: { position: 0n, epoch: 1n },
          }));
          const outcome = await orDenied(
            eventStore.append({
              streams: streams.map((stream) => to(stream, 1n, newEvent({ json: 3 }))),
              ...(condition ? { condition } : {}),
              onConflict: 'RETURN',
              interveningBytes: 100_000,
            }),
          );
          const mayAppend = streams.every(write.may) && (condition === undefined || write.everything);
          const mayAll = streams.every(read.may) && (condition === undefined || read.everything);
          if (outcome === DENIED || outcome.outcome !== 'REFUSED') {
            compare('append', outcome, mayAppend ? 'a conflict' : DENIED);
            continue;
          }
          const shown = outcome.intervening?.events ?? [];
          compare('append', 'a conflict', mayAppend ? 'a conflict' : DENIED);
          compare('append', shown.length, mayAll ? streams.length : 0);
          continue;
        }
        const scope = scopeOf(own);
        const inScope = ({ stream }: Event) =>
          scope.kind === 'LOG' ||
          (scope.kind === 'AGGREGATE_TYPES' && scope.aggregateTypes.includes(stream.aggregateType)) ||
          (scope.kind === 'STREAMS' && scope.streams.some((one) => keyOf(one) === keyOf(stream)));
        const names = maybe(own, 0.4, () => some(own, 2, () => pattern(own)));
        const named = ({ stream }: Event) =>
          names === undefined ||
          names.some(
            ({
              aggregateId = stream.aggregateId,
              aggregateIdPrefix = '',
              aggregateType = stream.aggregateType,
            }) =>
              aggregateId === stream.aggregateId &&
              aggregateType === stream.aggregateType &&
              stream.aggregateId.startsWith(aggregateIdPrefix),
          );
        const seen = all.filter((event) => inScope(event) && named(event) && read.may(event.stream));
        const request = { scope, filters: names === undefined ? [] : [{ streams: names }] };
        const found =
          kind < 0.65
            ? await orDenied(positions(eventsOf(eventStore.load(request))))
            : kind < 0.85
              ? await orDenied(eventStore.countEvents(request).then(({ count }) => count))
              : await orDenied(
                  eventStore
                    .listStreams({ pageSize: 1000 })
                    .then(({ streams }) => streams.map((one) => keyOf(one.stream))),
                );
        if (kind >= 0.85) {
          const visible = STREAMS.filter(read.may).map(keyOf).sort();
          if (found === DENIED && visible.length === 0) counts.refused += 1;
          else compare('list', found, visible);
        } else if (found === DENIED) {
          counts.refused += 1;
          const all_ =
            scope.kind === 'STREAMS'
              ? scope.streams
              : STREAMS.filter((stream) => inScope({ stream } as Event));
          // Of a log and of types some must be hidden to be refused: all of one of them. Patterns may also name what is not there.
          const groups =
            scope.kind === 'AGGREGATE_TYPES'
              ? scope.aggregateTypes.map((type) => all_.filter(({ aggregateType }) => aggregateType === type))
              : scope.kind === 'LOG'
                ? [all_]
                : all_.map((stream) => [stream]);
          if (groups.every((group) => group.some(read.may))) complain('read', DENIED, 'an answer');
        } else {
          counts.shown += 1;
          if (seen.length < all.filter((event) => inScope(event) && named(event)).length)
            counts.narrowed += 1;
          compare('read', found, kind < 0.65 ? seen.map(({ position }) => position) : seen.length);
        }
      }
      connection.close();
    });
    console.log(`random requests: ${PLANS}, ${JSON.stringify(counts)}`);
    expect(wrong.slice(0, 10)).toEqual([]);
    expect(Math.min(counts.shown, counts.narrowed, counts.refused, counts.appends)).toBeGreaterThan(500);
  }, 120_000);
});

function scopeOf(random: Random): Scope {
  const kind = random();
  if (kind < 0.3) return { kind: 'LOG' };
  if (kind < 0.6)
    return {
      kind: 'AGGREGATE_TYPES',
      aggregateTypes: [...new Set(some(random, 2, () => oneOf(random, TYPES)))],
    };
  return { kind: 'STREAMS', streams: [...new Set(some(random, 3, () => oneOf(random, STREAMS)))] };
}

async function positions(events: AsyncIterable<Event>): Promise<readonly bigint[]> {
  const found: bigint[] = [];
  for await (const { position } of events) found.push(position);
  return found;
}
