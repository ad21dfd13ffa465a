import type { InfoService } from '../../gen/headwater/v1/info_service_pb.js';
import type { Plan } from '../auth/plan.js';
import { type ServiceInfo, toWireInfo } from '../wire/info.js';
import type { RpcsOf } from './register.js';
import { unary } from './unary.js';

/** The InfoService; `info` is asked each time, since the database may be exchanged under a running service. */
export function infoService(info: () => ServiceInfo | Promise<ServiceInfo>): RpcsOf<typeof InfoService> {
  return {
    getInfo: unary({
      resolve: (_request, principal): Plan => ({
        principal,
        action: 'info',
        resources: [{ kind: 'SERVICE' }],
      }),
      handle: async () => toWireInfo(await info()),
    }),
  };
}
