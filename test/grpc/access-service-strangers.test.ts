import {
  type Client,
  credentials,
  type GrpcObject,
  loadPackageDefinition,
  Metadata,
  type ServiceClientConstructor,
  type StatusObject,
} from '@grpc/grpc-js';
import { fromJSON, loadSync } from '@grpc/proto-loader';
import { protoPath as healthProto } from 'grpc-health-check';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Authenticated, openAuthenticated } from '../server/authenticated.js';
import { startService, storeThat, until } from './service.js';

interface HealthClient extends Client {
  check(request: object, done: (error: Error | null, answer: object) => void): void;
  list(request: object, done: (error: Error | null, answer: object) => void): void;
  watch(request: object): NodeJS.EventEmitter & { cancel(): void };
}

interface ReflectionClient extends Client {
  serverReflectionInfo(
    metadata: Metadata,
  ): NodeJS.EventEmitter & { write(request: object): void; end(): void };
}

function clientOf<T extends Client>(definition: object, path: readonly string[], address: string): T {
  let at: unknown = loadPackageDefinition(definition as never);
  for (const step of path) at = (at as GrpcObject)[step];
  const client = new (at as ServiceClientConstructor)(address, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
  });
  onTestFinished(() => client.close());
  return client as unknown as T;
}

const health = (address: string): HealthClient =>
  clientOf(loadSync(healthProto, { enums: String }), ['grpc', 'health', 'v1', 'Health'], address);
const asked = <T>(ask: (done: (error: Error | null, answer: T) => void) => void) =>
  new Promise<T>((resolve, reject) => {
    ask((error, answer) => (error ? reject(error) : resolve(answer)));
  });

let service: Authenticated;
beforeAll(async () => {
  service = await openAuthenticated({
    rules: [{ name: 'lookers', roles: ['looker'], actions: ['reflect'] }],
  });
});
afterAll(() => service.close());
const addressOf = () => service.services[0]?.grpcAddress ?? '';

describe('health of a service that authenticates', () => {
  it('is told to everybody: whether it serves, and nothing else', async () => {
    const client = health(addressOf());
    expect(await asked((done) => client.check({ service: '' }, done))).toEqual({ status: 'SERVING' });
    expect(await asked((done) => client.check({ service: 'headwater.v1.AccessService' }, done))).toEqual({
      status: 'SERVING',
    });
    expect(await asked((done) => client.list({}, done))).toEqual({ statuses: { '': { status: 'SERVING' } } });
    const secret = 'acme.v1.Secret';
    await expect(asked((done) => client.check({ service: secret }, done))).rejects.toMatchObject({
      code: 5,
      message: expect.not.stringContaining(secret) as string,
    });
  });
});

describe('watching health', () => {
  it('is bounded, and room comes back', async () => {
    const { address, server } = await startService(storeThat({}), { maxConcurrentStreams: 2000 });
    const client = health(address);
    let answers = 0;
    const watch = () => {
      const call = client.watch({ service: '' });
      call.on('data', () => {
        answers += 1;
      });
      call.on('error', () => undefined);
      return call;
    };
    const watching = Array.from({ length: 1000 }, watch);
    await until(() => answers === 1000, 'all to be told');
    const refused = await new Promise<StatusObject>((resolve) => watch().on('status', resolve));
    expect(refused.code).toBe(8);
    server.setServing(false);
    await until(() => answers === 2000, 'all to be told of the change');
    for (const call of watching) call.cancel();
    const isLetIn = async () => {
      const before = answers;
      const call = watch();
      await new Promise((resolve) => {
        call.on('data', resolve);
        call.on('status', resolve);
      });
      call.cancel();
      return answers > before;
    };
    await expect.poll(isLetIn, { timeout: 10_000 }).toBe(true);
  });

  it('of a name that is none says so, once', async () => {
    const { address, server } = await startService(storeThat({}));
    const seen: unknown[] = [];
    const client = health(address);
    const call = client.watch({ service: 'acme.v1.Rockets' });
    call.on('data', (answer: unknown) => seen.push(answer));
    call.on('error', () => undefined);
    await until(() => seen.length === 1, 'an answer');
    server.setServing(false);
    await expect(asked((done) => client.check({ service: '' }, done))).resolves.toEqual({
      status: 'NOT_SERVING',
    });
    expect(seen).toEqual([{ status: 'SERVICE_UNKNOWN' }]);
  });
});

describe.each(['v1', 'v1alpha'])('reflection %s of a service that authenticates', (version) => {
  const message = (fields: Record<string, { readonly type: string; readonly id: number }>) => ({ fields });
  const definition = fromJSON({
    nested: {
      grpc: {
        nested: {
          reflection: {
            nested: {
              [version]: {
                nested: {
                  ServerReflectionRequest: message({ listServices: { type: 'string', id: 7 } }),
                  ServerReflectionResponse: message({ host: { type: 'string', id: 1 } }),
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
              },
            },
          },
        },
      },
    },
  });
  const reflect = async (token?: string): Promise<{ readonly code: number; readonly answers: number }> => {
    const client: ReflectionClient = clientOf(
      definition,
      ['grpc', 'reflection', version, 'ServerReflection'],
      addressOf(),
    );
    const metadata = new Metadata();
    if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
    const call = client.serverReflectionInfo(metadata);
    let answers = 0;
    call.on('data', () => {
      answers += 1;
    });
    call.on('error', () => undefined);
    const status = new Promise<StatusObject>((resolve) => call.on('status', resolve));
    call.write({ listServices: '*' });
    call.end();
    return { code: (await status).code, answers };
  };

  it('is refused to strangers and to who may not reflect, and answers who may', async () => {
    expect(await reflect()).toEqual({ code: 16, answers: 0 });
    expect(await reflect(await service.jwt('eve', ['reader']))).toEqual({ code: 7, answers: 0 });
    expect(await reflect(await service.jwt('lou', ['looker']))).toEqual({ code: 0, answers: 1 });
  });
});
