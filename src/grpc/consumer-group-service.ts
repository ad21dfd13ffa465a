import { create } from '@bufbuild/protobuf';
import {
  type ConsumerGroupService,
  DeleteGroupResponseSchema,
  ReplayParkedResponseSchema,
  ResetGroupResponseSchema,
  UpdateGroupResponseSchema,
} from '../../gen/headwater/v1/consumer_group_service_pb.js';
import type { Caller } from '../auth/caller.js';
import type { Action, Plan, Resource } from '../auth/plan.js';
import type {
  CreateGroupRequest,
  PageRequest,
  ReplayParkedRequest,
  UpdateGroupRequest,
} from '../core/consumer-groups.js';
import { validateGroupName } from '../core/validate-group.js';
import {
  fromWireCreateGroupRequest,
  fromWireListGroupsRequest,
  fromWireResetGroupRequest,
  fromWireUpdateGroupRequest,
  type ResetGroupRequest,
  toWireCreatedGroup,
  toWireGroup,
  toWireGroupList,
  toWireGroupState,
} from '../wire/consumer-group.js';
import { toWireLogPosition } from '../wire/log-position.js';
import {
  fromWireListParkedRequest,
  fromWireReplayParkedRequest,
  toWireParkedList,
} from '../wire/parked-stream.js';
import { consume, type ConsumeParts } from './groups/consume.js';
import { listGroups } from './groups/list-groups.js';
import type { RpcsOf } from './register.js';
import { resourcesOf } from './resources.js';
import { unary } from './unary.js';

/** A plan with the request that it is about. */
type PlanOf<Request> = Plan & { readonly request: Request };

/** The ConsumerGroupService. */
export function consumerGroupService(parts: ConsumeParts): RpcsOf<typeof ConsumerGroupService> {
  const groups = ({ namespace }: Plan) => parts.groupsOf(namespace);
  return {
    createGroup: unary({
      resolve: (wire, caller): PlanOf<CreateGroupRequest> => {
        const request = fromWireCreateGroupRequest(wire);
        // Who makes a group reads by it.
        const reads = resourcesOf(request.selection?.scope);
        return planOf(caller, 'create-group', request.name, request, reads);
      },
      handle: async (plan, signal) => toWireCreatedGroup(await groups(plan).create(plan.request, { signal })),
    }),
    updateGroup: unary({
      resolve: (wire, caller): PlanOf<UpdateGroupRequest> => {
        const request = fromWireUpdateGroupRequest(wire);
        const reads = request.selection ? resourcesOf(request.selection.scope) : [];
        return planOf(caller, 'update-group', request.name, request, reads);
      },
      handle: async (plan, signal) => {
        const group = await groups(plan).update(plan.request, { signal });
        return create(UpdateGroupResponseSchema, { group: toWireGroup(group) });
      },
    }),
    deleteGroup: unary({
      resolve: ({ name }, caller): PlanOf<string> => planOf(caller, 'delete-group', named(name), name),
      handle: async (plan, signal) => {
        await groups(plan).delete(plan.request, { signal });
        return create(DeleteGroupResponseSchema);
      },
    }),
    getGroup: unary({
      resolve: ({ name }, caller): PlanOf<string> => planOf(caller, 'get-group', named(name), name),
      handle: async (plan, signal) => toWireGroupState(await groups(plan).get(plan.request, { signal })),
    }),
    listGroups: unary({
      resolve: (wire, caller): PlanOf<PageRequest> => ({
        ...caller,
        action: 'list-groups',
        resources: [{ kind: 'LOG' }],
        request: fromWireListGroupsRequest(wire),
      }),
      handle: async (plan, signal) => toWireGroupList(await listGroups(groups(plan), plan.request, signal)),
    }),
    consume: consume(parts),
    listParked: unary({
      resolve: (wire, caller): PlanOf<PageRequest & { readonly group: string }> => {
        const request = fromWireListParkedRequest(wire);
        return planOf(caller, 'list-parked', request.group, request);
      },
      handle: async (plan, signal) =>
        toWireParkedList(await groups(plan).listParked(plan.request, { signal })),
    }),
    replayParked: unary({
      resolve: (wire, caller): PlanOf<ReplayParkedRequest> => {
        const request = fromWireReplayParkedRequest(wire);
        return planOf(caller, 'replay-parked', request.group, request);
      },
      handle: async (plan, signal) => {
        const streams = await groups(plan).replayParked(plan.request, { signal });
        return create(ReplayParkedResponseSchema, { streams });
      },
    }),
    resetGroup: unary({
      resolve: (wire, caller): PlanOf<ResetGroupRequest> => {
        const request = fromWireResetGroupRequest(wire);
        return planOf(caller, 'reset-group', request.name, request);
      },
      handle: async (plan, signal) => {
        const position = await groups(plan).reset(plan.request, { signal });
        return create(ResetGroupResponseSchema, { position: toWireLogPosition(position) });
      },
    }),
  };
}

function planOf<Request>(
  caller: Caller,
  action: Action,
  group: string,
  request: Request,
  reads: readonly Resource[] = [],
): PlanOf<Request> {
  return { ...caller, action, resources: [{ kind: 'CONSUMER_GROUP', group }, ...reads], request };
}

function named(name: string): string {
  validateGroupName(name);
  return name;
}
