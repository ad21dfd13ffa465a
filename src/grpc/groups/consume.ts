import type { ConsumeRequest, ConsumeResponse } from '../../../gen/headwater/v1/consumer_group_service_pb.js';
import type { Logger } from '../../core/logger.js';
import { toServiceError } from '../failure.js';
import type { Rpc } from '../register.js';
import type { GroupHost } from '../../subscriptions/groups/group-host.js';
import { ConsumeSession } from './consume-session.js';

/** What Consume works with. */
export interface ConsumeParts {
  /** The groups of a namespace, which is open. */
  readonly groupsOf: (namespace: string) => GroupHost;
  readonly logger: Logger;
}

/** Consume: for each call a session, whose join is its resolver's request. */
export function consume({
  groupsOf,
  logger,
}: ConsumeParts): Rpc<'bidi_streaming', ConsumeRequest, ConsumeResponse> {
  return {
    kind: 'bidi_streaming',
    bind: (desk, rpc) => (call) => {
      const scope = desk.calls.open(call);
      const start = async () => {
        const admission = await desk.admit(call, scope);
        admission.enter('consume');
        const { caller } = admission;
        const opening = desk.open(caller.namespace);
        if (opening !== undefined) {
          await scope.wait(opening);
          desk.calls.refuseWhileDraining();
        }
        const groups = groupsOf(caller.namespace);
        const session = new ConsumeSession({ call, scope, desk, rpc, admission, groups, logger });
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
