import { create } from '@bufbuild/protobuf';
import {
  type CreateNamespaceRequest,
  CreateNamespaceRequestSchema,
  type CreateNamespaceResponse,
  CreateNamespaceResponseSchema,
  type DropNamespaceRequest,
  DropNamespaceRequestSchema,
  type DropNamespaceResponse,
  DropNamespaceResponseSchema,
  type ListNamespacesRequest as WireListNamespacesRequest,
  ListNamespacesRequestSchema,
  type ListNamespacesResponse,
  ListNamespacesResponseSchema,
  type Namespace as WireNamespace,
  NamespaceSchema,
} from '../../gen/headwater/v1/namespace_service_pb.js';
import type { DroppedNamespace, ListNamespacesRequest, Namespace, NamespaceList } from '../core/namespace.js';

/** The request header that names the namespace which a call is about; without it, the service's default. */
export const NAMESPACE_HEADER = 'headwater-namespace';

export function toWireCreateNamespaceRequest(name: string): CreateNamespaceRequest {
  return create(CreateNamespaceRequestSchema, { name });
}

export function toWireCreateNamespaceResponse(namespace: Namespace): CreateNamespaceResponse {
  return create(CreateNamespaceResponseSchema, { namespace: toWireNamespace(namespace) });
}

export function fromWireCreateNamespaceResponse({ namespace }: CreateNamespaceResponse): Namespace {
  return namespace === undefined
    ? { name: '', default: false, placement: undefined }
    : fromWireNamespace(namespace);
}

export function toWireListNamespacesRequest(request: ListNamespacesRequest): WireListNamespacesRequest {
  return create(ListNamespacesRequestSchema, {
    pageSize: request.pageSize ?? 0,
    pageToken: request.pageToken ?? '',
  });
}

export function fromWireListNamespacesRequest(request: WireListNamespacesRequest): ListNamespacesRequest {
  return {
    ...(request.pageSize === 0 ? {} : { pageSize: request.pageSize }),
    ...(request.pageToken === '' ? {} : { pageToken: request.pageToken }),
  };
}

export function toWireNamespaceList(list: NamespaceList): ListNamespacesResponse {
  return create(ListNamespacesResponseSchema, {
    namespaces: list.namespaces.map(toWireNamespace),
    nextPageToken: list.nextPageToken ?? '',
  });
}

export function fromWireNamespaceList(list: ListNamespacesResponse): NamespaceList {
  return {
    namespaces: list.namespaces.map(fromWireNamespace),
    nextPageToken: list.nextPageToken === '' ? undefined : list.nextPageToken,
  };
}

/** A namespace to be dropped. */
export interface NamespaceToDrop {
  readonly name: string;
  /** The name once more. */
  readonly confirm: string;
}

export function toWireDropNamespaceRequest({ confirm, name }: NamespaceToDrop): DropNamespaceRequest {
  return create(DropNamespaceRequestSchema, { name, confirm });
}

export function fromWireDropNamespaceRequest({ confirm, name }: DropNamespaceRequest): NamespaceToDrop {
  return { name, confirm };
}

export function toWireDroppedNamespace({ bytes }: DroppedNamespace): DropNamespaceResponse {
  return create(DropNamespaceResponseSchema, { bytes });
}

export function fromWireDroppedNamespace({ bytes }: DropNamespaceResponse): DroppedNamespace {
  return { bytes };
}

function toWireNamespace({ default: isDefault, name, placement }: Namespace): WireNamespace {
  return create(NamespaceSchema, { name, default: isDefault, placement: placement ?? '' });
}

function fromWireNamespace({ default: isDefault, name, placement }: WireNamespace): Namespace {
  return { name, default: isDefault, placement: placement === '' ? undefined : placement };
}
