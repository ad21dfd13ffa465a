import type { Caller } from '../auth/caller.js';
import type { Action, Plan } from '../auth/plan.js';
import type { HeadwaterError } from '../core/errors.js';
import type { Admission } from './admission.js';
import { lastingCall } from './lasting-call.js';
import { Pipeline } from './pipeline.js';
import type { Rpc } from './register.js';

/** One request of a pipelined call. */
export interface Numbered<Item> {
  readonly correlation: bigint;
  readonly item: Item;
}

/** How an RPC is served whose messages carry many numbered requests, and whose answers many verdicts. */
export interface PipelinedEntry<Message, Item, P extends Plan, Verdict, Result, Answer> {
  /** What all its requests are. */
  readonly action: Action;
  /** The requests of one message, in order. */
  split(message: Message): readonly Numbered<Item>[];
  /** What one request means in the words of policies; throws for what it should not say. */
  resolve(item: Item, caller: Caller): P;
  /** Sees nothing but the plan. Called in the order sent; the answers may come in any. */
  handle(plan: P, signal: AbortSignal, admission: Admission): Promise<Verdict>;
  answered(correlation: bigint, verdict: Verdict): Result;
  failed(correlation: bigint, error: HeadwaterError): Result;
  /** About how many bytes the result takes. */
  sizeOf(result: Result): number;
  /** The verdicts of one message. */
  join(results: Result[]): Answer;
}

export function pipelined<Message, Item, P extends Plan, Verdict, Result, Answer>(
  entry: PipelinedEntry<Message, Item, P, Verdict, Result, Answer>,
): Rpc<'bidi_streaming', Message, Answer> {
  return {
    kind: 'bidi_streaming',
    bind: (desk, rpc) =>
      lastingCall(
        desk,
        rpc,
        entry.action,
        (call, parts) => new Pipeline({ ...parts, call, desk, rpc, entry }),
      ),
  };
}
