import { describe, expect, it, onTestFinished } from 'vitest';
import { type ConnectOptions, connect } from '../../src/client/connect.js';
import {
  InvalidRequestError,
  OverloadedError,
  StoreUnavailableError,
  StreamDeletedError,
  StreamNotFoundError,
} from '../../src/core/errors.js';
import type { LogInfo } from '../../src/core/stream-list.js';
import type { StreamInfo } from '../../src/core/stream.js';
import { startService, storeThat, until } from '../grpc/service.js';

const stream = { aggregateType: 'Account', aggregateId: '1' };
const info: StreamInfo = {
  stream,
  version: 4n,
  firstVersion: 2n,
  createdAt: 1_700_000_000_000_001n,
  updatedAt: 1_700_000_000_000_002n,
  deletedAt: undefined,
  retention: { maxAge: 5_000_000n },
  erasing: 3n,
};
const log: LogInfo = {
  position: 9n,
  epoch: 2n,
  bytes: 4096n,
  oldest: 1_700_000_000_000_001n,
  newest: undefined,
  epochs: [
    { epoch: 1n, startedAfterPosition: 0n },
    { epoch: 2n, startedAfterPosition: 7n },
  ],
};

function connectTo(options: ConnectOptions) {
  const connection = connect(options);
  onTestFinished(() => connection.close());
  return connection;
}

describe('what there is', () => {
  it('is asked of the store as it was asked here, and told as the store told it', async () => {
    const asked: unknown[] = [];
    const answer =
      <Answer>(value: Answer) =>
      async (request: unknown) => {
        asked.push(request);
        return value;
      };
    const types = [{ aggregateType: 'Account', streams: 2n, deletedStreams: 1n, events: 30n }];
    const count = { count: 3n, position: 9n, epoch: 2n };
    const store = storeThat({
      getStream: answer(info),
      listStreams: answer({ streams: [info], nextPageToken: 'more' }),
      listAggregateTypes: answer({ aggregateTypes: types, nextPageToken: undefined }),
      countEvents: answer(count),
      getLog: async () => log,
    });
    const { address } = await startService(store);
    const { eventStore } = connectTo({ address });
    expect(await eventStore.getStream(stream)).toEqual(info);
    expect(await eventStore.listStreams()).toEqual({ streams: [info], nextPageToken: 'more' });
    const which = {
      aggregateType: 'Account',
      aggregateIdPrefix: 'a%_',
      deleted: 'ONLY',
      pageSize: 7,
      pageToken: 'more',
    } as const;
    await eventStore.listStreams(which);
    expect(await eventStore.listAggregateTypes({ pageSize: 2, pageToken: 'x' })).toEqual({
      aggregateTypes: types,
      nextPageToken: undefined,
    });
    const counted = {
      scope: { kind: 'STREAM', stream },
      filters: [{ metadata: [{ key: 'k', operator: 'MATCHES', values: ['^a'] }] }],
      includeDeleted: true,
    } as const;
    expect(await eventStore.countEvents(counted)).toEqual(count);
    expect(await eventStore.getLog()).toEqual(log);
    expect(asked).toEqual([stream, {}, which, { pageSize: 2, pageToken: 'x' }, counted]);
  });

  it('is asked again while the service is away, and within the time that the call has', async () => {
    let tries = 0;
    const away = new StoreUnavailableError('away', { retryAfterMilliseconds: 1 });
    const store = storeThat({
      getLog: async () => {
        tries += 1;
        if (tries < 3) throw away;
        return log;
      },
      countEvents: () => Promise.reject(new OverloadedError('full', { limit: 'queue' })),
    });
    const { address } = await startService(store);
    const { eventStore } = connectTo({ address });
    expect(await eventStore.getLog()).toEqual(log);
    expect(tries).toBe(3);
    const begun = Date.now();
    await expect(eventStore.countEvents({}, { timeoutMilliseconds: 250 })).rejects.toThrow(OverloadedError);
    expect(Date.now() - begun).toBeLessThan(4900);
  });

  it('goes on at another address', async () => {
    const { address } = await startService(storeThat({ getLog: async () => log }));
    const { eventStore } = connectTo({ address: ['127.0.0.1:1', address] });
    expect(await eventStore.getLog()).toEqual(log);
  });

  it.each([new StreamNotFoundError(stream), new StreamDeletedError(stream)])(
    'throws what the service threw, and asks once: %s',
    async (error) => {
      let tries = 0;
      const refuse = () => {
        tries += 1;
        return Promise.reject(error);
      };
      const { address } = await startService(storeThat({ getStream: refuse, countEvents: refuse }));
      const { eventStore } = connectTo({ address });
      await expect(eventStore.getStream(stream)).rejects.toMatchObject({ reason: error.reason, stream });
      await expect(eventStore.countEvents()).rejects.toThrow(error.constructor as typeof StreamNotFoundError);
      expect(tries).toBe(2);
    },
  );

  it('ends on the service too when it is aborted', async () => {
    const never = () => new Promise<never>(() => undefined);
    const { address, server } = await startService(storeThat({ countEvents: never }));
    const controller = new AbortController();
    const counting = connectTo({ address }).eventStore.countEvents({}, { signal: controller.signal });
    await until(() => server.openCalls === 1, 'the call');
    controller.abort(new Error('enough'));
    await expect(counting).rejects.toThrow('enough');
    await until(() => server.openCalls === 0, 'the end of the call');
  });

  it('refuses here what the wire cannot say', async () => {
    const { eventStore } = connectTo({ address: '127.0.0.1:1' });
    for (const call of [
      eventStore.getStream({ aggregateType: '', aggregateId: 'x' }),
      eventStore.getStream({ aggregateType: 'x', aggregateId: '\ud800' }),
      eventStore.listStreams({ aggregateType: '' }),
      eventStore.listStreams({ aggregateType: 'x', aggregateIdPrefix: '' }),
      eventStore.listStreams({ pageSize: 0 }),
      eventStore.listAggregateTypes({ pageSize: 0 }),
      eventStore.countEvents({ filters: [{ positions: { first: 0n } }] }),
    ])
      await expect(call).rejects.toThrow(InvalidRequestError);
  });
});
