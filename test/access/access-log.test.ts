import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AccessLog } from '../../src/access/access-log.js';
import { principalStream, tokenStream } from '../../src/access/access-events.js';
import { LogEpochChangedError } from '../../src/core/errors.js';
import type { EventStore } from '../../src/core/event-store.js';
import { systemRuntime } from '../../src/system.js';
import { newEvent, to } from '../../src/testing/builders.js';
import { openTestStore, storeOn, type TestStore } from '../support/test-database.js';

const reader = { role: 'reader', scope: 'system' };
let test: TestStore;
let secondStore: EventStore & { start(): Promise<unknown>; stop(): Promise<void> };
let first: AccessLog;
let second: AccessLog;

beforeAll(async () => {
  test = await openTestStore();
  secondStore = storeOn(test);
  await secondStore.start();
  first = new AccessLog({ store: test.store, runtime: systemRuntime });
  second = new AccessLog({ store: secondStore, runtime: systemRuntime });
  await Promise.all([first.start(), second.start()]);
});
afterAll(async () => {
  await Promise.all([first.stop(), second.stop()]);
  await secondStore.stop();
  await test.close();
});

describe('two instances on one log', () => {
  it('know at once what they have written, and soon what the other has', async () => {
    let changes = 0;
    const stop = second.onChange(() => {
      changes += 1;
    });
    expect(await first.grant('ada', reader, 'root')).toBe(true);
    expect(first.model.bindingsOf('ada')).toEqual([reader]);
    await expect.poll(() => second.model.bindingsOf('ada')).toEqual([reader]);
    await expect.poll(() => changes).toBeGreaterThan(0);
    stop();
  });

  it('take back what the other has just given, before they have heard of it', async () => {
    for (let round = 0; round < 5; round += 1) {
      expect(await first.grant('eve', reader, 'root')).toBe(true);
      expect(await second.revoke('eve', reader, 'root')).toBe(true);
      expect(second.model.bindingsOf('eve')).toEqual([]);
    }
    const { token } = await first.createToken(
      { name: 'x', principal: 'x', bindings: [reader], expiresAt: undefined },
      'root',
    );
    expect(await second.revokeToken(token.tokenId, 'root')).toMatchObject({
      revokedAt: expect.any(BigInt) as bigint,
    });
  });

  it('give a role once, however many ask for it at once', async () => {
    const asked = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        (index % 2 === 0 ? first : second).grant('ida', reader, 'root'),
      ),
    );
    expect(asked.filter(Boolean)).toHaveLength(1);
    const versions = await test.store.getStream(principalStream('ida'));
    expect(versions.version).toBe(1n);
  });
});

it('what somebody wrote into the log by hand is passed over', async () => {
  const garbage = [
    newEvent({ eventType: 'RoleGranted', json: { binding: { role: 'admin' }, by: 'eve' } }),
    newEvent({ eventType: 'RoleGranted', data: new TextEncoder().encode('{') }),
    newEvent({ eventType: 'SomethingElse', json: 1 }),
  ];
  await test.store.append({
    streams: [
      to(principalStream('mal'), 'ANY', ...garbage),
      to(tokenStream('t'), 'ANY', newEvent({ eventType: 'TokenCreated', json: { hash: 'short' } })),
    ],
  });
  expect(await first.grant('mal', reader, 'root')).toBe(true);
  expect(first.model.bindingsOf('mal')).toEqual([reader]);
  expect(first.model.token('t')).toBeUndefined();
});

it('after a fail-over what was known holds until what is left of it is known', async () => {
  let failOver: (error: Error) => void = () => undefined;
  let lives = 0;
  const seen: number[] = [];
  const store: ConstructorParameters<typeof AccessLog>[0]['store'] = {
    append: test.store.append.bind(test.store),
    load: test.store.load.bind(test.store),
    async *subscribe(request, options) {
      lives += 1;
      const broken = new Promise<never>((_, reject) => {
        failOver = reject;
      });
      broken.catch(() => undefined);
      const messages = test.store.subscribe(request, options)[Symbol.asyncIterator]();
      for (;;) {
        const { done, value } = await Promise.race([messages.next(), broken]);
        if (done) return;
        seen.push(log.model.grants.length);
        yield value;
      }
    },
  };
  const log = new AccessLog({ store, runtime: systemRuntime });
  await log.start();
  await log.grant('zoe', reader, 'root');
  const known = log.model.grants.length;
  seen.length = 0;
  failOver(new LogEpochChangedError(1n, 1n, 0n, 2n));
  await expect.poll(() => lives).toBe(2);
  await expect.poll(() => seen.length).toBeGreaterThan(0);
  expect(await log.grant('zoe', reader, 'root')).toBe(false);
  expect(Math.min(...seen)).toBe(known);
  await log.stop();
});
