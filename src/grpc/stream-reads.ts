import type { Plan } from '../auth/plan.js';
import type {
  CountEventsRequest,
  ListAggregateTypesRequest,
  ListStreamsRequest,
} from '../core/stream-list.js';
import type { StreamId } from '../core/stream.js';
import { fromWireFindCommandRequest, toWireFindCommandResponse } from '../wire/command-entry.js';
import { fromWireCountEventsRequest, toWireEventCount } from '../wire/count.js';
import { toWireLogInfo } from '../wire/log-info.js';
import { fromWireGetStreamRequest, toWireGetStreamResponse } from '../wire/stream-info.js';
import {
  fromWireListAggregateTypesRequest,
  fromWireListStreamsRequest,
  toWireAggregateTypeList,
  toWireStreamList,
} from '../wire/stream-list.js';
import type { EventStoreService } from '../../gen/headwater/v1/event_store_service_pb.js';
import { narrowedFilters } from './narrowed.js';
import type { RpcsOf } from './register.js';
import { resourcesOf } from './resources.js';
import type { StoreOf } from './served-namespaces.js';
import { unary } from './unary.js';

type GetStreamPlan = Plan & { readonly stream: StreamId };
type ListStreamsPlan = Plan & { readonly request: ListStreamsRequest };
type ListAggregateTypesPlan = Plan & { readonly request: ListAggregateTypesRequest };
type FindCommandPlan = Plan & { readonly commandId: string };
type CountEventsPlan = Plan & { readonly request: CountEventsRequest };

type StreamReads = Pick<
  RpcsOf<typeof EventStoreService>,
  'getStream' | 'listStreams' | 'listAggregateTypes' | 'countEvents' | 'getLog' | 'findCommand'
>;

/** The RPCs that tell about streams and the log, and not their events. */
export function streamReads(storeOf: StoreOf): StreamReads {
  return {
    getStream: unary({
      resolve: (request, caller): GetStreamPlan => {
        const stream = fromWireGetStreamRequest(request);
        return { ...caller, action: 'get-stream', resources: [{ kind: 'STREAM', stream }], stream };
      },
      handle: async (plan, signal) =>
        toWireGetStreamResponse(await storeOf(plan).getStream(plan.stream, { signal })),
    }),
    listStreams: unary({
      resolve: (request, caller): ListStreamsPlan => {
        const list = fromWireListStreamsRequest(request);
        const { aggregateType } = list;
        return {
          ...caller,
          action: 'list-streams',
          resources: [
            aggregateType === undefined ? { kind: 'LOG' } : { kind: 'AGGREGATE_TYPE', aggregateType },
          ],
          request: list,
        };
      },
      narrow: (plan, only) => ({ ...plan, request: { ...plan.request, only } }),
      handle: async (plan, signal) =>
        toWireStreamList(await storeOf(plan).listStreams(plan.request, { signal })),
    }),
    listAggregateTypes: unary({
      resolve: (request, caller): ListAggregateTypesPlan => ({
        ...caller,
        action: 'list-aggregate-types',
        resources: [{ kind: 'LOG' }],
        request: fromWireListAggregateTypesRequest(request),
      }),
      narrow: (plan, only) => ({ ...plan, request: { ...plan.request, only } }),
      handle: async (plan, signal) =>
        toWireAggregateTypeList(await storeOf(plan).listAggregateTypes(plan.request, { signal })),
    }),
    countEvents: unary({
      resolve: (request, caller): CountEventsPlan => {
        const count = fromWireCountEventsRequest(request);
        return { ...caller, action: 'count-events', resources: resourcesOf(count.scope), request: count };
      },
      narrow: (plan, only) => ({
        ...plan,
        request: { ...plan.request, filters: narrowedFilters(plan.request.filters, only) },
      }),
      handle: async (plan, signal) =>
        toWireEventCount(await storeOf(plan).countEvents(plan.request, { signal })),
    }),
    findCommand: unary({
      resolve: (request, caller): FindCommandPlan => ({
        ...caller,
        action: 'find-command',
        resources: [{ kind: 'LOG' }],
        commandId: fromWireFindCommandRequest(request),
      }),
      handle: async (plan, signal) =>
        toWireFindCommandResponse(await storeOf(plan).findCommand(plan.commandId, { signal })),
    }),
    getLog: unary({
      resolve: (_request, caller): Plan => ({ ...caller, action: 'get-log', resources: [{ kind: 'LOG' }] }),
      handle: async (plan, signal) => toWireLogInfo(await storeOf(plan).getLog({ signal })),
    }),
  };
}
