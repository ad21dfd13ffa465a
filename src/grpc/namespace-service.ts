import type { NamespaceService } from '../../gen/headwater/v1/namespace_service_pb.js';
import type { Plan } from '../auth/plan.js';
import {
  type ListNamespacesRequest,
  type Namespaces,
  validateListNamespaces,
  validateNamespace,
  validateNewNamespace,
} from '../core/namespace.js';
import {
  fromWireDropNamespaceRequest,
  fromWireListNamespacesRequest,
  type NamespaceToDrop,
  toWireCreateNamespaceResponse,
  toWireDroppedNamespace,
  toWireNamespaceList,
} from '../wire/namespace.js';
import type { RpcsOf } from './register.js';
import { unary } from './unary.js';

type CreatePlan = Plan & { readonly name: string };
type ListPlan = Plan & { readonly request: ListNamespacesRequest };
type DropPlan = Plan & { readonly toDrop: NamespaceToDrop };

/** The NamespaceService. What its calls are about is in the request, so the header may name what is not there. */
export function namespaceService(namespaces: Namespaces): RpcsOf<typeof NamespaceService> {
  return {
    createNamespace: unary({
      inNamespace: false,
      resolve: ({ name }, caller): CreatePlan => {
        validateNewNamespace(name, 'name');
        return { ...caller, action: 'create-namespace', resources: [{ kind: 'NAMESPACE', name }], name };
      },
      handle: async ({ name }, signal) =>
        toWireCreateNamespaceResponse(await namespaces.create(name, { signal })),
    }),
    listNamespaces: unary({
      inNamespace: false,
      resolve: (wire, caller): ListPlan => {
        const request = fromWireListNamespacesRequest(wire);
        validateListNamespaces(request);
        return { ...caller, action: 'list-namespaces', resources: [{ kind: 'SERVICE' }], request };
      },
      handle: async ({ request }, signal) => toWireNamespaceList(await namespaces.list(request, { signal })),
    }),
    dropNamespace: unary({
      inNamespace: false,
      resolve: (wire, caller): DropPlan => {
        const toDrop = fromWireDropNamespaceRequest(wire);
        const { name } = toDrop;
        validateNamespace(name, 'name');
        return { ...caller, action: 'drop-namespace', resources: [{ kind: 'NAMESPACE', name }], toDrop };
      },
      handle: async ({ toDrop: { confirm, name } }, signal) =>
        toWireDroppedNamespace(await namespaces.drop(name, { confirm, signal })),
    }),
  };
}
