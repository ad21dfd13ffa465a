import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { Caller } from '../auth/caller.js';
import type { Action, Plan } from '../auth/plan.js';
import type { HeadwaterError } from '../core/errors.js';
import type { Admission } from './admission.js';
import type { Received } from '../wire/method.js';
import { lastingCall } from './lasting-call.js';
import { Pipeline } from './pipeline.js';
import type { HandCodedRpc } from './register.js';

/** One request of a pipelined call. */
export interface Numbered<Item> {
  readonly correlation: bigint;
  readonly item: Item;
}

/** How an RPC is served whose messages carry many numbered requests, and whose answers many verdicts. */
export interface PipelinedEntry<Item, P extends Plan, Verdict> {
  /** What all its requests are. */
  readonly action: Action;
  /** The requests of one message, in order; throws what protobuf-es does for bytes that are none. */
  decode(bytes: Buffer): readonly Numbered<Item>[];
  /** What one request means in the words of policies; throws for what it should not say. */
  resolve(item: Item, caller: Caller): P;
  /** Sees nothing but the plan. Called in the order sent; the answers may come in any. */
  handle(plan: P, signal: AbortSignal, admission: Admission): Promise<Verdict>;
  /** The result, as an entry of the answer's first field: tag and length in front. */
  answered(correlation: bigint, verdict: Verdict): Buffer;
  /** As {@link answered}. */
  failed(correlation: bigint, error: HeadwaterError): Buffer;
}

export function pipelined<Item, P extends Plan, Verdict>(
  entry: PipelinedEntry<Item, P, Verdict>,
): HandCodedRpc<'bidi_streaming'> {
  return {
    kind: 'bidi_streaming',
    decode: (bytes) => entry.decode(bytes),
    bind: (desk, rpc) =>
      lastingCall(
        desk,
        rpc,
        entry.action,
        (call: ServerDuplexStream<Received<readonly Numbered<Item>[]>, Buffer>, parts) =>
          new Pipeline({ ...parts, call, desk, rpc, entry }),
      ),
  };
}
