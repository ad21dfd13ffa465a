import type { HandleRequest, HandleResponse } from '../../../gen/headwater/v1/command_service_pb.js';
import type { Logger } from '../../core/logger.js';
import { lastingCall } from '../lasting-call.js';
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
    bind: (desk, rpc) =>
      lastingCall(desk, rpc, 'handle-commands', (call, admitted) => {
        const pool = poolOf(admitted.admission.caller.namespace);
        return new WorkerSession({ ...parts, ...admitted, call, desk, rpc, pool });
      }),
  };
}
