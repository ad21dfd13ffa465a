import { create, toBinary } from '@bufbuild/protobuf';
import {
  type AppendStreamResponseSchema,
  EventStoreService,
  PipelinedAppendSchema,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import type { AppendOutcome, AppendRequest } from '../core/append.js';
import { fromWireAppended, toWireAppendRequest } from '../wire/append.js';
import { fromWireRefused } from '../wire/refused.js';
import type { PipelineProtocol, RequestPipeline } from './request-pipeline.js';

export type AppendPipeline = RequestPipeline<AppendRequest, AppendOutcome, typeof AppendStreamResponseSchema>;

/** Appends, pipelined. */
export const APPENDS: PipelineProtocol<AppendRequest, AppendOutcome, typeof AppendStreamResponseSchema> = {
  method: EventStoreService.method.appendStream,
  noun: 'append',
  field: 'streams',
  encode: (correlation, request) =>
    toBinary(
      PipelinedAppendSchema,
      create(PipelinedAppendSchema, { correlation, append: toWireAppendRequest(request) }),
    ),
  results: ({ results }) =>
    results.map(({ correlation, result }) => {
      switch (result.case) {
        case 'appended':
          return { correlation, verdict: fromWireAppended(result.value) };
        // Final, even if an answer to an earlier try was lost. Had that try been applied, this one would have been
        // answered as its repeat: that check comes before all others, so an append that breaks its own condition, or has
        // moved its own stream, is not refused for it. Nor can a try that is still on its way be applied later: versions
        // only rise, and what broke the condition stays behind its position (unless somebody deletes the stream, or
        // erases that event, in just that moment).
        case 'refused':
          return { correlation, verdict: fromWireRefused(result.value) };
        case 'failed':
          return { correlation, failed: result.value };
        default:
          return { correlation };
      }
    }),
};
