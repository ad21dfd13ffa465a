import type { AggregateManager } from '../commands/aggregate-manager.js';
import type { At } from '../commands/aggregate-reader.js';
import type {
  AggregateInfo,
  AggregateMoment,
  AggregateView,
  GetAggregateRequest,
} from '../core/aggregate.js';
import type { CallOptions } from '../core/call-options.js';
import { InvalidRequestError, StreamDeletedError, StreamNotFoundError } from '../core/errors.js';
import type { Microseconds } from '../core/event.js';
import type { EventStore } from '../core/event-store.js';
import type { Filter } from '../core/filter.js';
import type { StreamId, StreamInfo } from '../core/stream.js';
import { aggregatePages } from './aggregate-pages.js';
import type { ServedCommands } from './served-commands.js';

/** What is told about an aggregate: its state where the domain in the service folds it, else snapshot and events. */
export function aggregateView(
  { manager, store }: Pick<ServedCommands, 'manager' | 'store'>,
  request: GetAggregateRequest,
  options: CallOptions,
): AsyncIterable<AggregateView> {
  return manager?.knows(request.aggregate.aggregateType)
    ? folded(manager, store, request, options)
    : unfolded(store, request, options);
}

/** What is known of it, as a stream. */
export function infoOfStream(info: StreamInfo): AggregateInfo {
  const { createdAt, deletedAt, stream, updatedAt, version } = info;
  const deleted = deletedAt !== undefined;
  return { aggregate: stream, version, exists: !deleted, deleted, createdAt, updatedAt };
}

async function* folded(
  manager: AggregateManager,
  store: EventStore,
  { aggregate, at, includeDeleted, minPosition }: GetAggregateRequest,
  options: CallOptions,
): AsyncGenerator<AggregateView, void, undefined> {
  const { aggregateId, aggregateType } = aggregate;
  const { state, version } = await manager.get(aggregateType, aggregateId, {
    ...options,
    ...(at ? { at: momentOf(at) } : {}),
    ...(includeDeleted ? { includeDeleted } : {}),
    ...(minPosition ? { minPosition } : {}),
  });
  const info = await infoAt(store, aggregate, version, options);
  yield { info, state: manager.stateAsJson(aggregateType, state), events: [] };
}

async function* unfolded(
  store: EventStore,
  request: GetAggregateRequest,
  options: CallOptions,
): AsyncGenerator<AggregateView, void, undefined> {
  const { aggregate, at, includeDeleted, minPosition } = request;
  const upToVersion = at && (await versionAt(store, request, at, options));
  // What is appended meanwhile is not shown.
  const upTo = upToVersion ?? (await store.getStream(aggregate, options)).version;
  const pages = aggregatePages(store, aggregate, {
    ...options,
    ...(includeDeleted ? { includeDeleted } : {}),
    ...(minPosition ? { minPosition } : {}),
    upToVersion: upTo,
  });
  let first = true;
  for await (const { events, snapshot, version, more } of pages) {
    // The version that is told is that of the events that are shown, since a caller may expect it of an append. A replica may
    // show less than the bound; where more follow, or all have expired, nothing but the bound tells.
    const told = more || events.length === 0 ? upTo : version;
    const info = first ? await infoAt(store, aggregate, told, options) : undefined;
    first = false;
    yield { ...(info ? { info } : {}), ...(snapshot ? { snapshot } : {}), events };
  }
}

/** The version that it had then; throws `InvalidRequestError` for one that it has not come to. */
async function versionAt(
  store: EventStore,
  { aggregate, includeDeleted = false, minPosition }: GetAggregateRequest,
  at: AggregateMoment,
  options: CallOptions,
): Promise<bigint> {
  const filters: Filter[] =
    at.kind === 'POSITION'
      ? [{ positions: { last: at.position } }]
      : at.kind === 'TIME'
        ? [{ recorded: { last: at.time } }]
        : [];
  // Of a version this waits for the position, and refuses what is deleted.
  for await (const page of store.load(
    {
      scope: { kind: 'STREAM', stream: aggregate },
      filters,
      direction: 'BACKWARDS',
      limit: 1n,
      includeDeleted,
      ...(minPosition ? { minPosition } : {}),
    },
    options,
  ))
    for (const { version } of page.events) {
      if (at.kind !== 'VERSION') return version;
      if (at.version < 1n) throw refused(at.version, 'it must be at least 1');
      if (at.version > version) throw refused(at.version, `the aggregate is at version ${version}`);
      return at.version;
    }
  if (at.kind === 'VERSION') return at.version;
  throw new StreamNotFoundError(aggregate);
}

/** What is known of it at a version, by default now. */
async function infoAt(
  store: EventStore,
  aggregate: StreamId,
  version: bigint | undefined,
  options: CallOptions,
): Promise<AggregateInfo> {
  const now = infoOfStream(await store.getStream(aggregate, options));
  if (version === undefined || version === now.version) return now;
  const updatedAt = await recordedAt(store, aggregate, version, options);
  return { ...now, version, exists: version > 0n, ...(updatedAt === undefined ? {} : { updatedAt }) };
}

async function recordedAt(
  store: EventStore,
  stream: StreamId,
  version: bigint,
  options: CallOptions,
): Promise<Microseconds | undefined> {
  const filters = [{ versions: { first: version, last: version } }];
  const request = { scope: { kind: 'STREAM', stream }, filters, includeDeleted: true } as const;
  for await (const page of store.load(request, options))
    for (const event of page.events) return event.recordedAt;
  return undefined;
}

function momentOf(at: AggregateMoment): At {
  switch (at.kind) {
    case 'VERSION':
      return { version: at.version };
    case 'POSITION':
      return { position: at.position };
    case 'TIME':
      return { time: at.time };
  }
}

function refused(version: bigint, why: string): InvalidRequestError {
  return new InvalidRequestError([{ field: 'version', description: `is ${version}, ${why}` }]);
}

/** The aggregate as it is now, for who watches it: also one that does not exist or is deleted. */
export async function currentAggregate(
  { manager, store }: Pick<ServedCommands, 'manager' | 'store'>,
  aggregate: StreamId,
  options: CallOptions,
): Promise<{ readonly info: AggregateInfo; readonly state?: Uint8Array }> {
  let info: AggregateInfo;
  try {
    info = infoOfStream(await store.getStream(aggregate, options));
  } catch (error) {
    if (!(error instanceof StreamNotFoundError)) throw error;
    return {
      info: {
        aggregate,
        version: 0n,
        exists: false,
        deleted: false,
        createdAt: undefined,
        updatedAt: undefined,
      },
    };
  }
  const { aggregateId, aggregateType } = aggregate;
  if (info.deleted || !manager?.knows(aggregateType)) return { info };
  try {
    const { state, version } = await manager.get(aggregateType, aggregateId, options);
    return { info: { ...info, version }, state: manager.stateAsJson(aggregateType, state) };
  } catch (error) {
    // Deleted since: the next message says so.
    if (error instanceof StreamDeletedError) return { info };
    throw error;
  }
}
