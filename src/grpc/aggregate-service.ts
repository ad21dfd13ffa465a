import { create } from '@bufbuild/protobuf';
import {
  type AggregateService,
  DeleteSnapshotsResponseSchema,
  GetAggregateResponseSchema,
  SaveSnapshotResponseSchema,
  WatchAggregateResponseSchema,
} from '../../gen/headwater/v1/aggregate_service_pb.js';
import type { Plan } from '../auth/plan.js';
import type { GetAggregateRequest, ListAggregatesRequest } from '../core/aggregate.js';
import { SnapshotNotFoundError } from '../core/errors.js';
import type { StreamId } from '../core/stream.js';
import {
  fromWireGetAggregateRequest,
  fromWireListAggregatesRequest,
  fromWireWatchAggregateRequest,
  toWireAggregateList,
  toWireAggregateView,
  toWireWatchedAggregate,
} from '../wire/aggregate.js';
import { serializer } from '../wire/method.js';
import {
  fromWireDeleteSnapshotsRequest,
  fromWireGetSnapshotRequest,
  fromWireSaveSnapshotRequest,
  type SnapshotToGet,
  type SnapshotToSave,
  toWireGetSnapshotResponse,
} from '../wire/snapshot.js';
import { aggregateView, infoOfStream } from './aggregate-view.js';
import type { RpcsOf } from './register.js';
import type { CommandsOf } from './served-commands.js';
import { serverStream } from './server-stream.js';
import { unary } from './unary.js';
import { watchAggregate } from './watch-aggregate.js';

type GetPlan = Plan & { readonly request: GetAggregateRequest };
type ListPlan = Plan & { readonly request: ListAggregatesRequest };
type StreamPlan = Plan & { readonly stream: StreamId };
type SavePlan = Plan & { readonly save: SnapshotToSave };
type GetSnapshotPlan = Plan & { readonly want: SnapshotToGet };

const encodeView = serializer(GetAggregateResponseSchema);
const encodeWatched = serializer(WatchAggregateResponseSchema);

/** The AggregateService. */
export function aggregateService(commandsOf: CommandsOf): RpcsOf<typeof AggregateService> {
  return {
    getAggregate: serverStream({
      resolve: (request, caller): GetPlan => {
        const get = fromWireGetAggregateRequest(request);
        return { ...caller, action: 'get-aggregate', resources: [streamOf(get.aggregate)], request: get };
      },
      handle: (plan, options) => aggregateView(commandsOf(plan), plan.request, options),
      encode: (view) => encodeView(toWireAggregateView(view)),
      positionOf: ({ events }) => events.at(-1)?.position ?? 0n,
      endless: false,
    }),
    listAggregates: unary({
      resolve: (request, caller): ListPlan => {
        const list = fromWireListAggregatesRequest(request);
        const { aggregateType } = list;
        return {
          ...caller,
          action: 'list-aggregates',
          resources: [{ kind: 'AGGREGATE_TYPE', aggregateType }],
          request: list,
        };
      },
      narrow: (plan, only) => ({ ...plan, request: { ...plan.request, only } }),
      handle: async (plan, signal) => {
        const { nextPageToken, streams } = await commandsOf(plan).store.listStreams(plan.request, { signal });
        return toWireAggregateList({ aggregates: streams.map(infoOfStream), nextPageToken });
      },
    }),
    watchAggregate: serverStream({
      resolve: (request, caller): StreamPlan => {
        const stream = fromWireWatchAggregateRequest(request);
        return { ...caller, action: 'watch-aggregate', resources: [streamOf(stream)], stream };
      },
      handle: (plan, options) => watchAggregate(commandsOf(plan), plan.stream, options),
      encode: (watched) => encodeWatched(toWireWatchedAggregate(watched)),
      positionOf: ({ position }) => position,
      endless: true,
    }),
    saveSnapshot: unary({
      resolve: (request, caller): SavePlan => {
        const save = fromWireSaveSnapshotRequest(request);
        return { ...caller, action: 'save-snapshot', resources: [streamOf(save.stream)], save };
      },
      handle: async (plan, signal) => {
        const { snapshot, stream } = plan.save;
        await commandsOf(plan).store.saveSnapshot(stream, snapshot, { signal });
        return create(SaveSnapshotResponseSchema);
      },
    }),
    getSnapshot: unary({
      resolve: (request, caller): GetSnapshotPlan => {
        const want = fromWireGetSnapshotRequest(request);
        return { ...caller, action: 'get-snapshot', resources: [streamOf(want.stream)], want };
      },
      handle: async (plan, signal) => {
        const { stream, wanted } = plan.want;
        const snapshot = await commandsOf(plan).store.getSnapshot(stream, wanted, { signal });
        if (snapshot === undefined) throw new SnapshotNotFoundError(stream);
        return toWireGetSnapshotResponse(snapshot);
      },
    }),
    deleteSnapshots: unary({
      resolve: (request, caller): StreamPlan => {
        const stream = fromWireDeleteSnapshotsRequest(request);
        return { ...caller, action: 'delete-snapshots', resources: [streamOf(stream)], stream };
      },
      handle: async (plan, signal) =>
        create(DeleteSnapshotsResponseSchema, {
          deleted: await commandsOf(plan).store.deleteSnapshots(plan.stream, { signal }),
        }),
    }),
  };
}

function streamOf(stream: StreamId) {
  return { kind: 'STREAM', stream } as const;
}
