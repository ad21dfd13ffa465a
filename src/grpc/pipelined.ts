import type { handleBidiStreamingCall } from '@grpc/grpc-js';
import type { Caller } from '../auth/caller.js';
import type { Action, Plan } from '../auth/plan.js';
import type { HeadwaterError } from '../core/errors.js';
import type { Received } from '../wire/method.js';
import type { Admission } from './admission.js';
import type { Desk } from './desk.js';
import { toServiceError } from './failure.js';
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
    bind: (desk, rpc) => pipelinedHandler(desk, rpc, entry),
  };
}

function pipelinedHandler<Message, Item, P extends Plan, Verdict, Result, Answer>(
  desk: Desk,
  rpc: string,
  entry: PipelinedEntry<Message, Item, P, Verdict, Result, Answer>,
): handleBidiStreamingCall<Received<Message>, Answer> {
  return (call) => {
    const scope = desk.calls.open(call);
    const start = async () => {
      const admission = await desk.admit(call, scope);
      admission.enter(entry.action);
      const { caller } = admission;
      // Once for all requests, and before the first: from here on each reaches the store in the turn in which it is read.
      const opening = desk.open(caller.namespace);
      if (opening !== undefined) {
        await scope.wait(opening);
        desk.calls.refuseWhileDraining();
      }
      const pipeline = new Pipeline({ call, scope, desk, rpc, admission, entry });
      admission.watch();
      desk.endWith(caller.namespace, scope);
      pipeline.start();
    };
    start().catch((error: unknown) => {
      if (!scope.gone) call.emit('error', toServiceError(desk.failure(error, rpc)));
    });
  };
}
