import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { Action } from '../auth/plan.js';
import type { Admission } from './admission.js';
import type { CallScope } from './call-scope.js';
import type { Desk } from './desk.js';
import { toServiceError } from './failure.js';

/** A call in both directions that was let in, about a namespace that is open. */
export interface LastingCall {
  readonly scope: CallScope;
  readonly admission: Admission;
}

/**
 * Lets a call in both directions in, as what it is about, and then has it begun; what speaks against it ends it. Its namespace
 * is opened once for all its requests and before the first, so that each is taken up in the turn in which it is read.
 *
 * @param action without leave to do any of it nobody comes in
 */
export function lastingCall<Received, Answer>(
  desk: Desk,
  rpc: string,
  action: Action,
  begin: (call: ServerDuplexStream<Received, Answer>, parts: LastingCall) => { start(): void },
): (call: ServerDuplexStream<Received, Answer>) => void {
  return (call) => {
    const scope = desk.calls.open(call);
    const start = async () => {
      const admission = await desk.admit(call, scope);
      admission.enter(action);
      const { namespace } = admission.caller;
      const opening = desk.open(namespace);
      if (opening !== undefined) {
        await scope.wait(opening);
        desk.calls.refuseWhileDraining();
      }
      const begun = begin(call, { scope, admission });
      desk.endWith(namespace, scope);
      admission.watch();
      begun.start();
    };
    start().catch((error: unknown) => {
      if (!scope.gone) call.emit('error', toServiceError(desk.failure(error, rpc)));
    });
  };
}
