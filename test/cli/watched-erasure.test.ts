import { afterAll, beforeAll, expect, it } from 'vitest';
import { watchedErasure, whatIsLeft } from '../../src/cli/watched-erasure.js';
import { systemRuntime } from '../../src/system.js';
import { newEvent, thing, to } from '../../src/testing/builders.js';
import { openTestDatabase, storeOn, type TestDatabase } from '../support/test-database.js';

let test: TestDatabase;
beforeAll(async () => {
  test = await openTestDatabase();
});
afterAll(() => test.close());

it('an erasure that is interrupted leaves the caller with what is on record and how to wait for the rest', async () => {
  // Three hundred statements long, and nothing sweeps what is left.
  const store = storeOn(test, { sweep: { statementVersions: 1 } });
  const stream = thing('large');
  const events = Array.from({ length: 300 }, () => newEvent({ json: { s: 'secret' } }));
  await store.append({ streams: [to(stream, 'NO_STREAM', ...events)] });
  const request = { stream, expectedVersion: 'ANY', eventId: systemRuntime.newEventId() } as const;
  expect(await whatIsLeft(store, request)).toBe(undefined);
  const interrupt = new AbortController();
  const erased = watchedErasure(store, request, interrupt.signal);
  const outcome = erased.catch((error: unknown) => error);
  while ((await store.getStream(stream)).erasing === 0n) await new Promise((go) => setTimeout(go, 5));
  const reason = new Error('Interrupted');
  interrupt.abort(reason);
  expect(await outcome).toBe(reason);
  const { erasing } = await store.getStream(stream);
  expect(erasing).toBeGreaterThan(0n);
  expect(await whatIsLeft(store, request)).toBe(
    `Thing/large is deleted and its erasure recorded as event ${request.eventId} at version 301; ${erasing} versions are ` +
      `still to be emptied, and the service goes on by itself; wait for it with --event-id ${request.eventId}`,
  );
  const signal = AbortSignal.timeout(20_000);
  expect(await watchedErasure(store, request, signal)).toMatchObject({ version: 301n, deduplicated: true });
  expect((await store.getStream(stream)).erasing).toBe(0n);
  await store.stop();
});
