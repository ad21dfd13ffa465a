import { create } from '@bufbuild/protobuf';
import {
  type AppendRequest as WireAppendRequest,
  AppendStreamResponseSchema,
  type EventStoreService,
  type PipelinedAppendResult,
  PipelinedAppendResultSchema,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import type { Plan, Resource } from '../auth/plan.js';
import type { Principal } from '../auth/principal.js';
import type { AppendRequest } from '../core/append.js';
import { InvalidRequestError } from '../core/errors.js';
import type { EventStore } from '../core/event-store.js';
import type { Scope } from '../core/filter.js';
import type { LoadRequest } from '../core/load.js';
import type { SubscribeRequest } from '../core/subscribe.js';
import {
  fromWireAppendRequest,
  toWireAppended,
  toWireAppendResponse,
  toWireRefused,
} from '../wire/append.js';
import { encodeLoadPage, encodeSubscriptionMessage } from '../wire/encode-page.js';
import { toWireStatus } from '../wire/errors.js';
import { fromWireLoadRequest } from '../wire/load.js';
import { fromWireSubscribeRequest } from '../wire/subscribe.js';
import { pipelined } from './pipelined.js';
import type { RpcsOf } from './register.js';
import { serverStream } from './server-stream.js';
import { unary } from './unary.js';

type AppendPlan = Plan & { readonly request: AppendRequest };
type LoadPlan = Plan & { readonly request: LoadRequest };
type SubscribePlan = Plan & { readonly request: SubscribeRequest };

/** The EventStoreService on any store. */
export function eventStoreService(store: EventStore): RpcsOf<typeof EventStoreService> {
  return {
    append: unary({
      resolve: planAppend,
      handle: async ({ request }, signal) => toWireAppendResponse(await store.append(request, { signal })),
    }),
    appendStream: pipelined({
      split: ({ requests }) =>
        requests.map(({ correlation, append }, index) => ({ correlation, item: { append, index } })),
      resolve: ({ append, index }, principal) => {
        if (append !== undefined) return planAppend(append, principal);
        const field = `requests[${index}].append`;
        throw new InvalidRequestError([{ field, description: 'must be set' }]);
      },
      // Not async: the store has to see the requests of one call in the order sent.
      handle: ({ request }: AppendPlan, signal) =>
        store.append({ ...request, onConflict: 'RETURN' }, { signal }),
      answered: (correlation, verdict) =>
        result({
          correlation,
          result:
            verdict.outcome === 'APPENDED'
              ? { case: 'appended', value: toWireAppended(verdict) }
              : { case: 'refused', value: toWireRefused(verdict) },
        }),
      failed: (correlation, error) =>
        result({ correlation, result: { case: 'failed', value: toWireStatus(error) } }),
      sizeOf,
      join: (results) => create(AppendStreamResponseSchema, { results }),
    }),
    load: serverStream({
      resolve: (request, principal): LoadPlan => {
        const load = fromWireLoadRequest(request);
        return { principal, action: 'load', resources: resourcesOf(load.scope), request: load };
      },
      handle: ({ request }, signal) => store.load(request, { signal }),
      encode: encodeLoadPage,
      positionOf: ({ scannedTo }) => scannedTo,
      endless: false,
    }),
    subscribe: serverStream({
      resolve: (request, principal): SubscribePlan => {
        const subscribe = fromWireSubscribeRequest(request);
        return {
          principal,
          action: 'subscribe',
          resources: resourcesOf(subscribe.scope),
          request: subscribe,
        };
      },
      handle: ({ request }, signal) => store.subscribe(request, { signal }),
      encode: encodeSubscriptionMessage,
      positionOf: ({ scannedTo }) => scannedTo,
      endless: true,
    }),
  };
}

function planAppend(request: WireAppendRequest, principal: Principal): AppendPlan {
  const append = fromWireAppendRequest(request);
  return {
    principal,
    action: 'append',
    resources: append.streams.map(({ stream }) => ({ kind: 'STREAM', stream })),
    request: append,
  };
}

function resourcesOf(scope: Scope | undefined): readonly Resource[] {
  switch (scope?.kind) {
    case undefined:
    case 'LOG':
      return [{ kind: 'LOG' }];
    case 'STREAM':
      return [{ kind: 'STREAM', stream: scope.stream }];
    case 'STREAMS':
      return scope.streams.map((stream) => ({ kind: 'STREAM', stream }));
    case 'AGGREGATE_TYPES':
      return scope.aggregateTypes.map((aggregateType) => ({ kind: 'AGGREGATE_TYPE', aggregateType }));
  }
}

type ResultInit = Pick<PipelinedAppendResult, 'correlation' | 'result'>;

function result(init: ResultInit): PipelinedAppendResult {
  return create(PipelinedAppendResultSchema, init);
}

/** An id takes 38 bytes, two names at most 520. */
function sizeOf({ result: { case: kind, value } }: PipelinedAppendResult): number {
  if (kind === 'appended') return 100 + value.eventIds.length * 38 + value.versions.length * 540;
  if (kind === 'refused') return 50 + value.conflicts.length * 560;
  return 4200;
}
