import type { ConsumeRequest, ConsumeResponse } from '../../../gen/headwater/v1/consumer_group_service_pb.js';
import type { Logger } from '../../core/logger.js';
import { lastingCall } from '../lasting-call.js';
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
    bind: (desk, rpc) =>
      lastingCall(desk, rpc, 'consume', (call, parts) => {
        const groups = groupsOf(parts.admission.caller.namespace);
        return new ConsumeSession({ ...parts, call, desk, rpc, groups, logger });
      }),
  };
}
