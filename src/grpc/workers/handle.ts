import type { HandleRequest, HandleResponse } from '../../../gen/headwater/v1/command_service_pb.js';
import type { Logger } from '../../core/logger.js';
import { toServiceError } from '../failure.js';
import type { Rpc } from '../register.js';
import type { WorkerPool } from './worker-pool.js';
import { WorkerSession } from './worker-session.js';

/** What Handle works with. */
export interface HandleParts {
  /** The workers of a namespace, which is open. */
  readonly poolOf: (namespace: string) => WorkerPool;
  readonly decideTimeoutMs: number;
  readonly logger: Logger;
}

/** Handle: for each call a session, whose registration is its resolver's request. */
export function handle({
  poolOf,
  ...parts
}: HandleParts): Rpc<'bidi_streaming', HandleRequest, HandleResponse> {
  return {
    kind: 'bidi_streaming',
    bind: (desk, rpc) => (call) => {
      const scope = desk.calls.open(call);
      const start = async () => {
        const admission = await desk.admit(call, scope);
        admission.enter('handle-commands');
        const { caller } = admission;
        const opening = desk.open(caller.namespace);
        if (opening !== undefined) {
          await scope.wait(opening);
          desk.calls.refuseWhileDraining();
        }
        const pool = poolOf(caller.namespace);
        const session = new WorkerSession({ ...parts, call, scope, desk, rpc, admission, pool });
        desk.endWith(caller.namespace, scope);
        admission.watch();
        session.start();
      };
      start().catch((error: unknown) => {
        if (!scope.gone) call.emit('error', toServiceError(desk.failure(error, rpc)));
      });
    },
  };
}
