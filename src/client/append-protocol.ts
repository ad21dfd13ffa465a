import { EventStoreService } from '../../gen/headwater/v1/event_store_service_pb.js';
import type { AppendOutcome, AppendRequest } from '../core/append.js';
import { decodeAppendStreamResponse } from '../wire/append-results.js';
import { encodePipelinedAppend } from '../wire/encode-append.js';
import type { PipelineProtocol, RequestPipeline } from './request-pipeline.js';

export type AppendPipeline = RequestPipeline<AppendRequest, AppendOutcome>;

/**
 * Appends, pipelined.
 *
 * A refusal is final where what was expected has passed, even if an answer to an earlier try was lost. Had that try been
 * applied, this one would have been answered as its repeat: that check comes before all others, so an append that breaks its
 * own condition, or has moved its own stream, is not refused for it. Nor can a try that is still on its way be applied
 * later: versions only rise, and what broke the condition stays behind its position (unless somebody deletes the stream, or
 * erases that event, in just that moment). Where what was expected may yet come true, of a stream that is not there or has
 * not come so far, a try that is still on its way may be applied after the refusal.
 */
export const APPENDS: PipelineProtocol<AppendRequest, AppendOutcome> = {
  method: EventStoreService.method.appendStream,
  noun: 'append',
  field: 'streams',
  encode: encodePipelinedAppend,
  decode: decodeAppendStreamResponse,
};
