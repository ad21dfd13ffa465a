import { create, createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import {
  type Client,
  credentials,
  loadPackageDefinition,
  type GrpcObject,
  type ServiceClientConstructor,
  type StatusObject,
} from '@grpc/grpc-js';
import { fromJSON, loadSync, type PackageDefinition } from '@grpc/proto-loader';
import { protoPath as healthProto } from 'grpc-health-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startService, storeThat, until } from './service.js';

interface HealthClient extends Client {
  check(request: { service: string }, done: (error: Error | null, answer: { status: string }) => void): void;
  watch(request: { service: string }): NodeJS.EventEmitter & { cancel(): void };
}

function clientOf<T extends Client>(
  definition: PackageDefinition,
  path: readonly string[],
  address: string,
): T {
  let at: unknown = loadPackageDefinition(definition);
  for (const step of path) at = (at as GrpcObject)[step];
  const client = new (at as ServiceClientConstructor)(address, credentials.createInsecure());
  onTestFinished(() => client.close());
  return client as unknown as T;
}

function healthClient(address: string): HealthClient {
  return clientOf(loadSync(healthProto, { enums: String }), ['grpc', 'health', 'v1', 'Health'], address);
}

function check(client: HealthClient, service: string): Promise<string> {
  return new Promise((resolve, reject) => {
    client.check({ service }, (error, answer) => (error ? reject(error) : resolve(answer.status)));
  });
}

describe('health', () => {
  it.each([
    '',
    'headwater.v1.AggregateService',
    'headwater.v1.CommandService',
    'headwater.v1.ConsumerGroupService',
    'headwater.v1.EventStoreService',
    'headwater.v1.InfoService',
    'headwater.v1.NamespaceService',
    'headwater.v1.ProjectionService',
  ])('of "%s" follows setServing', async (name) => {
    const { server, address } = await startService(storeThat({}));
    const client = healthClient(address);
    expect(await check(client, name)).toBe('SERVING');
    server.setServing(false);
    expect(await check(client, name)).toBe('NOT_SERVING');
  });

  it('of a service that is not here is NOT_FOUND', async () => {
    const { address } = await startService(storeThat({}));
    await expect(check(healthClient(address), 'acme.v1.Rockets')).rejects.toMatchObject({ code: 5 });
  });

  it('tells watchers of a drain, and is not waited for', async () => {
    const { server, address } = await startService(storeThat({}));
    const watch = healthClient(address).watch({ service: '' });
    const seen: string[] = [];
    watch.on('data', ({ status }: { status: string }) => seen.push(status));
    watch.on('error', () => undefined);
    await until(() => seen.length === 1, 'the first answer');
    const begun = Date.now();
    await server.drain(20_000);
    expect(Date.now() - begun).toBeLessThan(15_000);
    expect(seen).toEqual(['SERVING', 'NOT_SERVING']);
  });
});

/** Reflection's own proto, as far as this test goes. */
const REFLECTION = {
  nested: {
    ServerReflectionRequest: {
      oneofs: { messageRequest: { oneof: ['fileContainingSymbol', 'listServices'] } },
      fields: {
        fileContainingSymbol: { type: 'string', id: 4 },
        listServices: { type: 'string', id: 7 },
      },
    },
    ServerReflectionResponse: {
      fields: {
        fileDescriptorResponse: { type: 'FileDescriptorResponse', id: 4 },
        listServicesResponse: { type: 'ListServiceResponse', id: 6 },
      },
    },
    FileDescriptorResponse: {
      fields: { fileDescriptorProto: { rule: 'repeated', type: 'bytes', id: 1 } },
    },
    ListServiceResponse: { fields: { service: { rule: 'repeated', type: 'ServiceResponse', id: 1 } } },
    ServiceResponse: { fields: { name: { type: 'string', id: 1 } } },
    ServerReflection: {
      methods: {
        ServerReflectionInfo: {
          requestType: 'ServerReflectionRequest',
          requestStream: true,
          responseType: 'ServerReflectionResponse',
          responseStream: true,
          comment: '',
        },
      },
    },
  },
};

interface ReflectionAnswer {
  readonly listServicesResponse?: { readonly service: readonly { readonly name: string }[] };
  readonly fileDescriptorResponse?: { readonly fileDescriptorProto: readonly Buffer[] };
}

interface ReflectionClient extends Client {
  serverReflectionInfo(): NodeJS.EventEmitter & { write(request: object): void; end(): void };
}

function importsFirst(files: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const sorted = new Set<FileDescriptorProto>();
  const add = (file: FileDescriptorProto | undefined) => {
    if (file === undefined || sorted.has(file)) return;
    for (const name of file.dependency) add(files.find((other) => other.name === name));
    sorted.add(file);
  };
  files.forEach(add);
  return [...sorted];
}

describe.each(['v1', 'v1alpha'])('reflection %s', (version) => {
  const ask = async (address: string, request: object): Promise<ReflectionAnswer> => {
    const definition = fromJSON({
      nested: { grpc: { nested: { reflection: { nested: { [version]: REFLECTION } } } } },
    });
    const client: ReflectionClient = clientOf(
      definition,
      ['grpc', 'reflection', version, 'ServerReflection'],
      address,
    );
    const call = client.serverReflectionInfo();
    const answers: ReflectionAnswer[] = [];
    call.on('data', (answer: ReflectionAnswer) => answers.push(answer));
    call.on('error', () => undefined);
    const status = new Promise<StatusObject>((resolve) => call.on('status', resolve));
    call.write(request);
    call.end();
    expect((await status).code).toBe(0);
    return answers[0] ?? {};
  };

  it('lists the services', async () => {
    const { address } = await startService(storeThat({}));
    const answer = await ask(address, { listServices: '*' });
    expect(answer.listServicesResponse?.service.map(({ name }) => name).sort()).toEqual([
      'headwater.v1.AccessService',
      'headwater.v1.AggregateService',
      'headwater.v1.CommandService',
      'headwater.v1.ConsumerGroupService',
      'headwater.v1.EventStoreService',
      'headwater.v1.InfoService',
      'headwater.v1.NamespaceService',
      'headwater.v1.ProjectionService',
    ]);
  });

  it('gives the file of a symbol, with what it imports, so that it can be linked', async () => {
    const { address } = await startService(storeThat({}));
    const answer = await ask(address, { fileContainingSymbol: 'headwater.v1.EventStoreService.Append' });
    const files = answer.fileDescriptorResponse?.fileDescriptorProto ?? [];
    const file = files.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
    expect(file.map(({ name }) => name)).toContain('google/protobuf/timestamp.proto');
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: importsFirst(file) }));
    const service = registry.getService('headwater.v1.EventStoreService');
    expect(service?.methods.map(({ name }) => name)).toContain('Append');
    expect(registry.getMessage('google.rpc.Status')).toBeDefined();
  });
});
