import net from 'node:net';
import { once } from 'node:events';
import { create } from '@bufbuild/protobuf';
import { Server } from '@grpc/grpc-js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AppendResponseSchema, EventStoreService } from '../../gen/headwater/v1/event_store_service_pb.js';
import { InfoService } from '../../gen/headwater/v1/info_service_pb.js';
import { NamespaceService } from '../../gen/headwater/v1/namespace_service_pb.js';
import { ANONYMOUS } from '../../src/auth/principal.js';
import { AddressUnavailableError } from '../../src/grpc/bind.js';
import { eventStoreService } from '../../src/grpc/event-store-service.js';
import { infoService } from '../../src/grpc/info-service.js';
import { namespaceService } from '../../src/grpc/namespace-service.js';
import { oneNamespace } from '../../src/grpc/served-namespaces.js';
import { register } from '../../src/grpc/register.js';
import { unary as unaryRpc } from '../../src/grpc/unary.js';
import { startService, storeThat, unary } from './service.js';

describe('a server that starts', () => {
  it('says which address is taken, and what to change', async () => {
    const squatter = net.createServer().listen(0, '127.0.0.1');
    await once(squatter, 'listening');
    onTestFinished(() => void squatter.close());
    const { port } = squatter.address() as net.AddressInfo;
    const start = startService(storeThat({}), { port });
    await expect(start).rejects.toThrow(AddressUnavailableError);
    await expect(start).rejects.toThrow(new RegExp(`127\\.0\\.0\\.1:${port}.*--grpc-port`));
  });

  it('says that the machine has no such address', async () => {
    const start = startService(storeThat({}), { host: '203.0.113.7', port: 5001 });
    await expect(start).rejects.toThrow(/203\.0\.113\.7:5001.*--grpc-host/);
  });

  it('answers GetInfo', async () => {
    const { raw } = await startService(storeThat({}));
    expect(await unary(raw, InfoService.method.getInfo, {})).toMatchObject({
      version: '0.0.1',
      namespace: 'test',
      startedAt: { seconds: 1_700_000_000n, nanos: 123_456_000 },
      limits: { appendEvents: 1000, eventDataBytes: 1_048_576n },
    });
  });

  it('answers the same port when it is started twice', async () => {
    const { server, port } = await startService(storeThat({}));
    expect(await server.start()).toBe(port);
  });
});

describe('an RPC', () => {
  const entries = eventStoreService(() => storeThat({}));

  it('without resolver and handler stops the start, by name', () => {
    const { load: _, ...rest } = entries;
    expect(() => register(new Server(), EventStoreService, rest, undefined as never)).toThrow(
      'RPC headwater.v1.EventStoreService/Load has no resolver and handler',
    );
  });

  it('with an entry of another kind stops the start', () => {
    const load = unaryRpc({
      resolve: () => ({ principal: ANONYMOUS, namespace: 'test', action: 'load', resources: [] }),
      handle: async () => create(AppendResponseSchema),
    });
    expect(() => register(new Server(), EventStoreService, { ...entries, load }, undefined as never)).toThrow(
      'Load is server_streaming, its entry is unary',
    );
  });

  it('is complete in the services that there are', () => {
    const methods = (service: { methods: readonly { localName: string }[] }) =>
      service.methods.map(({ localName }) => localName).sort();
    expect(Object.keys(entries).sort()).toEqual(methods(EventStoreService));
    expect(Object.keys(infoService(() => Promise.reject(new Error('no'))))).toEqual(methods(InfoService));
    expect(Object.keys(namespaceService(oneNamespace(storeThat({})))).sort()).toEqual(
      methods(NamespaceService),
    );
  });
});
