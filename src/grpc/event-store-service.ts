import { create, toBinary } from '@bufbuild/protobuf';
import {
  type AppendRequest as WireAppendRequest,
  AppendStreamResponseSchema,
  type EventStoreService,
  type PipelinedAppendResult,
  PipelinedAppendResultSchema,
  RefusedSchema,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import type { Caller } from '../auth/caller.js';
import type { Plan } from '../auth/plan.js';
import type { AppendOutcome, AppendRequest } from '../core/append.js';
import { InvalidRequestError, PolicyDeniedError } from '../core/errors.js';
import type { LoadRequest } from '../core/load.js';
import type { SubscribeRequest } from '../core/subscribe.js';
import { fromWireAppendRequest, toWireAppended, toWireAppendResponse } from '../wire/append.js';
import { encodeLoadPage, encodeSubscriptionMessage } from '../wire/encode-page.js';
import { toWireStatus } from '../wire/errors.js';
import { fromWireLoadRequest } from '../wire/load.js';
import { toWireRefused } from '../wire/refused.js';
import { fromWireSubscribeRequest } from '../wire/subscribe.js';
import type { Admission } from './admission.js';
import { narrowedFilters } from './narrowed.js';
import { pipelined } from './pipelined.js';
import type { RpcsOf } from './register.js';
import { resourcesOf } from './resources.js';
import { serverStream } from './server-stream.js';
import type { StoreOf } from './served-namespaces.js';
import { streamChanges } from './stream-changes.js';
import { streamReads } from './stream-reads.js';
import { unary } from './unary.js';

type AppendPlan = Plan & { readonly request: AppendRequest };
type LoadPlan = Plan & { readonly request: LoadRequest };
type SubscribePlan = Plan & { readonly request: SubscribeRequest };

/** The EventStoreService; `storeOf` gives the store of a plan's namespace, which is open. */
export function eventStoreService(storeOf: StoreOf): RpcsOf<typeof EventStoreService> {
  return {
    append: unary({
      resolve: planAppend,
      handle: async (plan, signal, { admission }) =>
        toWireAppendResponse(
          ofOwnStreams(await storeOf(plan).append(asReader(plan, admission), { signal }), plan, admission),
        ),
    }),
    appendStream: pipelined({
      action: 'append',
      split: ({ requests }) =>
        requests.map(({ correlation, append }, index) => ({ correlation, item: { append, index } })),
      resolve: ({ append, index }, caller) => {
        if (append !== undefined) return planAppend(append, caller);
        const field = `requests[${index}].append`;
        throw new InvalidRequestError([{ field, description: 'must be set' }]);
      },
      // Not async: the store has to see the requests of one call in the order sent.
      handle: (plan: AppendPlan, signal, admission) =>
        storeOf(plan)
          .append({ ...asReader(plan, admission), onConflict: 'RETURN' }, { signal })
          .then((outcome) => ofOwnStreams(outcome, plan, admission)),
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
      resolve: (request, caller): LoadPlan => {
        const load = fromWireLoadRequest(request);
        return { ...caller, action: 'load', resources: resourcesOf(load.scope), request: load };
      },
      narrow: (plan, only) => ({
        ...plan,
        request: { ...plan.request, filters: narrowedFilters(plan.request.filters, only) },
      }),
      handle: (plan, options) => storeOf(plan).load(plan.request, options),
      encode: encodeLoadPage,
      positionOf: ({ scannedTo }) => scannedTo,
      endless: false,
    }),
    subscribe: serverStream({
      resolve: (request, caller): SubscribePlan => {
        const subscribe = fromWireSubscribeRequest(request);
        return {
          ...caller,
          action: 'subscribe',
          resources: resourcesOf(subscribe.scope),
          request: subscribe,
        };
      },
      narrow: (plan, only) => ({
        ...plan,
        request: { ...plan.request, filters: narrowedFilters(plan.request.filters, only) },
      }),
      handle: (plan, options) => storeOf(plan).subscribe(plan.request, options),
      encode: encodeSubscriptionMessage,
      positionOf: ({ scannedTo }) => scannedTo,
      endless: true,
    }),
    ...streamReads(storeOf),
    ...streamChanges(storeOf),
  };
}

function planAppend(request: WireAppendRequest, caller: Caller): AppendPlan {
  const append = fromWireAppendRequest(request);
  return {
    ...caller,
    action: 'append',
    resources: [
      ...append.streams.map(({ stream }) => ({ kind: 'STREAM', stream }) as const),
      // Whether it holds tells of events of any stream.
      ...(append.condition === undefined ? [] : [{ kind: 'LOG' } as const]),
    ],
    request: append,
  };
}

/** The events that stand in its way come along only for those who may read them. */
function asReader({ request, ...plan }: AppendPlan, admission: Admission): AppendRequest {
  if (!request.interveningBytes || admission.allows({ ...plan, action: 'load' })) return request;
  const { interveningBytes: _unread, ...rest } = request;
  return rest;
}

/** A repeat is answered as the first time, and that may have been somebody else's, to other streams. */
function ofOwnStreams<Outcome extends AppendOutcome>(
  outcome: Outcome,
  plan: AppendPlan,
  admission: Admission,
): Outcome {
  if (outcome.outcome !== 'APPENDED' || !outcome.deduplicated) return outcome;
  const resources = outcome.versions.map(({ stream }) => ({ kind: 'STREAM', stream }) as const);
  if (!admission.allows({ ...plan, resources })) throw new PolicyDeniedError(plan.action);
  return outcome;
}

type ResultInit = Pick<PipelinedAppendResult, 'correlation' | 'result'>;

function result(init: ResultInit): PipelinedAppendResult {
  return create(PipelinedAppendResultSchema, init);
}

/** An id takes 38 bytes, two names at most 520. What comes along with a refusal is rare, and measured. */
function sizeOf({ result: { case: kind, value } }: PipelinedAppendResult): number {
  if (kind === 'appended') return 100 + value.eventIds.length * 38 + value.versions.length * 540;
  if (kind === 'refused')
    return value.interveningEvents.length === 0
      ? 50 + value.conflicts.length * 560
      : toBinary(RefusedSchema, value).byteLength;
  return 4200;
}
