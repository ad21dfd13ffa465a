import { Metadata, type StatusObject } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { EventStoreService } from '../../gen/headwater/v1/event_store_service_pb.js';
import { InfoService } from '../../gen/headwater/v1/info_service_pb.js';
import { NamespaceService } from '../../gen/headwater/v1/namespace_service_pb.js';
import { NAMESPACE_HEADER } from '../../src/wire/namespace.js';
import {
  bidi,
  failureOf,
  serverStream,
  startService,
  statusOf,
  storeThat,
  type TestService,
  unary,
} from './service.js';

const { append, appendStream, load, subscribe } = EventStoreService.method;

function naming(...names: readonly string[]): Metadata {
  const metadata = new Metadata();
  for (const name of names) metadata.add(NAMESPACE_HEADER, name);
  return metadata;
}

function ended(call: { on(event: 'status', listener: (status: StatusObject) => void): unknown }) {
  return new Promise<ReturnType<typeof statusOf>>((resolve) => {
    call.on('status', (status) => resolve(statusOf(status)));
  });
}

/** One call of each kind, to its end. */
const KINDS: Record<
  string,
  (raw: TestService['raw'], metadata: Metadata) => Promise<ReturnType<typeof statusOf>>
> = {
  unary: (raw, metadata) => failureOf(unary(raw, append, {}, { metadata })),
  pipelined: (raw, metadata) => {
    const call = bidi(raw, appendStream, metadata);
    call.resume();
    return ended(call);
  },
  'server streaming': (raw, metadata) => ended(serverStream(raw, load, {}, { metadata }).resume()),
  subscription: (raw, metadata) => ended(serverStream(raw, subscribe, {}, { metadata }).resume()),
};

describe.each(Object.keys(KINDS))('the header of a call that is %s', (kind) => {
  const call = KINDS[kind] ?? KINDS['unary'];

  it.each([
    ['malformed', ['Not-a-name']],
    ['empty', ['']],
    ['too long', ['a'.repeat(49)]],
    ['two values', ['one', 'two']],
    ['the same value twice', ['test', 'test']],
  ])('is refused where it is %s', async (_, names) => {
    const { raw } = await startService(storeThat({}));
    expect(await call?.(raw, naming(...names))).toMatchObject({
      code: 3,
      error: { reason: 'INVALID_REQUEST', violations: [{ field: 'headwater-namespace' }] },
    });
  });

  it('is said to be given more than once where it is', async () => {
    const { raw } = await startService(storeThat({}));
    const description = 'is given more than once: a call is about one namespace';
    for (const names of [['one', 'two'], ['one,two']])
      expect(await call?.(raw, naming(...names))).toMatchObject({ error: { violations: [{ description }] } });
  });

  it('names a namespace that is not there', async () => {
    const { logged, raw } = await startService(storeThat({}));
    expect(await call?.(raw, naming('nowhere'))).toMatchObject({
      code: 5,
      error: { reason: 'NAMESPACE_NOT_FOUND', namespace: 'nowhere' },
    });
    expect(logged).toEqual([]);
  });
});

describe('a call without the header', () => {
  it('is about the default, as one is that names it', async () => {
    const { raw } = await startService(storeThat({}));
    const { getInfo } = InfoService.method;
    expect((await unary(raw, getInfo, {})).namespace).toBe('test');
    expect((await unary(raw, getInfo, {}, { metadata: naming('test') })).namespace).toBe('test');
  });
});

describe('the NamespaceService', () => {
  const { createNamespace, dropNamespace, listNamespaces } = NamespaceService.method;

  it('does not mind what the header names', async () => {
    const { raw } = await startService(storeThat({}));
    const { namespaces } = await unary(raw, listNamespaces, {}, { metadata: naming('nowhere') });
    expect(namespaces).toMatchObject([{ name: 'test', default: true, placement: '' }]);
  });

  it('refuses what cannot be a name, and what is there or not there', async () => {
    const { raw } = await startService(storeThat({}));
    const create = (name: string) => failureOf(unary(raw, createNamespace, { name }));
    expect(await create('')).toMatchObject({ code: 3, error: { violations: [{ field: 'name' }] } });
    expect(await create('public')).toMatchObject({ code: 3, error: { violations: [{ field: 'name' }] } });
    expect(await create('test')).toMatchObject({
      code: 6,
      error: { reason: 'NAMESPACE_EXISTS', namespace: 'test' },
    });
    expect(await failureOf(unary(raw, dropNamespace, { name: 'nowhere', confirm: 'nowhere' }))).toMatchObject(
      {
        code: 5,
        error: { reason: 'NAMESPACE_NOT_FOUND' },
      },
    );
    expect(await failureOf(unary(raw, listNamespaces, { pageSize: 1001 }))).toMatchObject({
      code: 3,
      error: { violations: [{ field: 'page_size' }] },
    });
  });
});
