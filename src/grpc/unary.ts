import type { handleUnaryCall, ServerUnaryCall } from '@grpc/grpc-js';
import type { Caller } from '../auth/caller.js';
import type { Plan } from '../auth/plan.js';
import { type CallOptions, LazyCallOptions } from '../core/call-options.js';
import { DeadlineExceededError } from '../core/errors.js';
import type { Received } from '../wire/method.js';
import type { Admission } from './admission.js';
import type { CallScope } from './call-scope.js';
import type { Desk } from './desk.js';
import { toServiceError } from './failure.js';
import type { Narrow } from './narrowed.js';
import type { HandCodedRpc, Rpc } from './register.js';
import { timeLeft } from './time-left.js';

/** How an RPC of one request and one answer is served. */
export interface UnaryEntry<Request, P extends Plan, Answer> {
  /** What the request means in the words of policies; throws for what it should not say. */
  resolve(request: Request, caller: Caller): P;
  /** Of a read of many streams: its plan with the answer narrowed to what may be seen. Without it such a plan is refused. */
  readonly narrow?: Narrow<P>;
  /** Sees nothing but the plan, how long the caller waits, and whether something beside is allowed. */
  handle(
    plan: P,
    signal: AbortSignal,
    beside: Pick<CallOptions, 'timeoutMilliseconds'> & { readonly admission: Admission },
  ): Promise<Answer>;
  /**
   * Whether the caller's namespace must be there.
   * @default true
   */
  readonly inNamespace?: boolean;
}

export function unary<Request, P extends Plan, Answer>(
  entry: UnaryEntry<Request, P, Answer>,
): Rpc<'unary', Request, Answer> {
  return {
    kind: 'unary',
    bind: (desk, rpc) =>
      unaryHandler(desk, rpc, {
        ...entry,
        serve: (plan: P, { scope, admission, left }) =>
          entry.handle(plan, scope.signal, { admission, ...left }),
      }),
  };
}

/** As {@link UnaryEntry}, of an RPC on a hot path. */
export interface HandCodedUnaryEntry<Request, P extends Plan> {
  decode(bytes: Buffer): Request;
  resolve(request: Request, caller: Caller): P;
  /** As {@link UnaryEntry.handle}, with a signal that is made when it is asked for. */
  handle(plan: P, options: LazyCallOptions, admission: Admission): Promise<Buffer>;
}

/** As {@link unary}, on a hot path: reads its request and writes its answer itself. */
export function handCodedUnary<Request, P extends Plan>(
  entry: HandCodedUnaryEntry<Request, P>,
): HandCodedRpc<'unary'> {
  return {
    kind: 'unary',
    decode: (bytes) => entry.decode(bytes),
    bind: (desk, rpc) =>
      unaryHandler(desk, rpc, {
        resolve: (request: Request, caller) => entry.resolve(request, caller),
        serve: (plan: P, { scope, admission }) => entry.handle(plan, new LazyCallOptions(scope), admission),
      }),
  };
}

/** What differs between the two. */
interface Served<Request, P extends Plan, Answer>
  extends Pick<UnaryEntry<Request, P, Answer>, 'resolve' | 'narrow' | 'inNamespace'> {
  serve(plan: P, call: ServedCall): Promise<Answer>;
}

interface ServedCall {
  readonly scope: CallScope;
  readonly admission: Admission;
  readonly left: Pick<CallOptions, 'timeoutMilliseconds'>;
}

function unaryHandler<Request, P extends Plan, Answer>(
  desk: Desk,
  rpc: string,
  entry: Served<Request, P, Answer>,
): handleUnaryCall<Received<Request>, Answer> {
  const serve = async (call: ServerUnaryCall<Received<Request>, Answer>): Promise<Answer> => {
    const scope = desk.calls.open(call);
    const milliseconds = Number(call.getDeadline()) - Date.now();
    // Nearer deadlines are kept by grpc-js, which cancels the call.
    if (!(milliseconds <= desk.longestDeadlineMs)) {
      const allowed = Number.isFinite(milliseconds) ? desk.longestDeadlineMs : desk.defaultDeadlineMs;
      scope.abortAfter(
        allowed,
        () =>
          new DeadlineExceededError(`The call took longer than ${allowed} ms, which is all it may`, {
            outcome: 'UNKNOWN',
          }),
      );
    }
    try {
      const admission = await desk.admit(call, scope);
      const plan = admission.plan(entry.resolve(desk.accept(call.request), admission.caller), entry.narrow);
      const opening = entry.inNamespace === false ? undefined : desk.open(plan.namespace);
      if (opening !== undefined) await scope.wait(opening);
      const left = timeLeft(call, desk.longestDeadlineMs);
      return await scope.wait(entry.serve(plan, { scope, admission, left }));
    } catch (error) {
      if (scope.gone) throw error;
      throw toServiceError(desk.failure(error, rpc));
    } finally {
      scope.close();
    }
  };
  return (call, callback) => {
    serve(call).then(
      (answer) => desk.answers.answer(() => callback(null, answer)),
      (error: Error) => desk.answers.answer(() => callback(error)),
    );
  };
}
