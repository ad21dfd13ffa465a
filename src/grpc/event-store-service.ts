import type { EventStoreService } from '../../gen/headwater/v1/event_store_service_pb.js';
import type { Caller } from '../auth/caller.js';
import type { Plan, Resource } from '../auth/plan.js';
import type { AppendOutcome, AppendRequest } from '../core/append.js';
import { InvalidRequestError, PolicyDeniedError } from '../core/errors.js';
import type { LoadRequest } from '../core/load.js';
import type { SubscribeRequest } from '../core/subscribe.js';
import { encodeAppendFailure, encodeAppendResponse, encodeAppendResult } from '../wire/append-results.js';
import { decodeAppendRequest, decodeAppendStreamRequest, type WireAppend } from '../wire/decode-append.js';
import { encodeLeavingPage } from '../wire/encode-page.js';
import { encodeSharedMessage } from '../wire/encode-shared.js';
import { fromWireLoadRequest } from '../wire/load.js';
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
import { handCodedUnary } from './unary.js';

type AppendPlan = Plan & { readonly request: AppendRequest };
type LoadPlan = Plan & { readonly request: LoadRequest };
type SubscribePlan = Plan & { readonly request: SubscribeRequest };

/** The EventStoreService; `storeOf` gives the store of a plan's namespace, which is open. */
export function eventStoreService(storeOf: StoreOf): RpcsOf<typeof EventStoreService> {
  return {
    append: handCodedUnary({
      decode: decodeAppendRequest,
      resolve: planAppend,
      handle: async (plan, options, admission) =>
        encodeAppendResponse(
          ofOwnStreams(await storeOf(plan).append(asReader(plan, admission), options), plan, admission),
        ),
    }),
    appendStream: pipelined({
      action: 'append',
      decode: (bytes) =>
        decodeAppendStreamRequest(bytes).map(({ append, correlation }) => ({ correlation, item: append })),
      resolve: planAppend,
      // Not async: the store has to see the requests of one call in the order sent.
      handle: (plan: AppendPlan, signal, admission) =>
        storeOf(plan)
          .append({ ...asReader(plan, admission), onConflict: 'RETURN' }, { signal })
          .then((outcome) => ofOwnStreams(outcome, plan, admission)),
      answered: encodeAppendResult,
      failed: encodeAppendFailure,
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
      encode: encodeLeavingPage,
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
      encode: encodeSharedMessage,
      positionOf: ({ scannedTo }) => scannedTo,
      endless: true,
    }),
    ...streamReads(storeOf),
    ...streamChanges(storeOf),
  };
}

function planAppend(
  append: WireAppend | InvalidRequestError,
  { namespace, peer, principal }: Caller,
): AppendPlan {
  if (append instanceof InvalidRequestError) throw append;
  const resources: Resource[] = [];
  for (const { stream } of append.streams) resources.push({ kind: 'STREAM', stream });
  // Whether it holds tells of events of any stream.
  if (append.condition !== undefined) resources.push({ kind: 'LOG' });
  return {
    principal,
    namespace,
    ...(peer === undefined ? undefined : { peer }),
    action: 'append',
    resources,
    request: append,
  };
}

/** The events that stand in its way come along only for those who may read them. */
function asReader(plan: AppendPlan, admission: Admission): AppendRequest {
  if (!plan.request.interveningBytes) return plan.request;
  const { request, ...asked } = plan;
  if (admission.allows({ ...asked, action: 'load' })) return request;
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
