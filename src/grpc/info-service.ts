import type { InfoService } from '../../gen/headwater/v1/info_service_pb.js';
import type { Plan } from '../auth/plan.js';
import { type ServiceInfo, toWireInfo } from '../wire/info.js';
import type { RpcsOf } from './register.js';
import { unary } from './unary.js';

/** What GetInfo answers about a namespace, which is open. */
export type InfoOf = (namespace: string) => ServiceInfo | Promise<ServiceInfo>;

/** The InfoService; `info` is asked each time, since the database may be exchanged under a running service. */
export function infoService(info: InfoOf): RpcsOf<typeof InfoService> {
  return {
    getInfo: unary({
      resolve: (_request, caller): Plan => ({
        ...caller,
        action: 'info',
        resources: [{ kind: 'SERVICE' }],
      }),
      handle: async ({ namespace }) => toWireInfo(await info(namespace)),
    }),
  };
}
