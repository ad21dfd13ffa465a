import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CommandEntry } from '../../src/core/append.js';
import { newEvent, thing, to } from '../../src/testing/builders.js';
import { openTestStore, type TestStore } from '../support/test-database.js';

let test: TestStore;
beforeAll(async () => {
  test = await openTestStore();
});
afterAll(() => test.close());

const entry = (commandId: string, body = 'body', result = `result of ${commandId}`): CommandEntry => ({
  commandId,
  commandType: 'DoIt',
  bodyHash: createHash('sha256').update(body).digest(),
  result: Buffer.from(result),
});
const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString();

describe('an append of a command', () => {
  it('sent again with other events is answered as the first time', async () => {
    const stream = thing('again');
    const first = await test.store.append({
      streams: [to(stream, 'NO_STREAM', newEvent(), newEvent())],
      command: entry('again'),
    });
    await test.store.append({ streams: [to(stream, 2n, newEvent())] });
    const second = await test.store.append({
      streams: [to(stream, 'NO_STREAM', newEvent({ json: 'decided anew' }))],
      command: entry('again'),
    });
    expect(second).toMatchObject({
      deduplicated: true,
      firstPosition: first.firstPosition,
      lastPosition: first.lastPosition,
      versions: first.versions,
      eventIds: first.eventIds,
      recordedAt: first.recordedAt,
    });
    expect(text(second.commandResult)).toBe('result of again');
  });

  it('with another body under the same id is refused', async () => {
    await test.store.append({ streams: [to(thing('body'), 'ANY', newEvent())], command: entry('body') });
    await expect(
      test.store.append({ streams: [to(thing('body'), 'ANY', newEvent())], command: entry('body', 'other') }),
    ).rejects.toMatchObject({ reason: 'COMMAND_ID_REUSED', commandId: 'body' });
  });

  it('without events is kept too, and without a stream that changes', async () => {
    const none = { streams: [to(thing('none'), 'NO_STREAM')], command: entry('none') };
    expect(await test.store.append(none)).toMatchObject({ deduplicated: false, lastPosition: 0n });
    const again = await test.store.append(none);
    expect(again).toMatchObject({
      deduplicated: true,
      firstPosition: 0n,
      lastPosition: 0n,
      versions: [],
      eventIds: [],
    });
    expect(text(again.commandResult)).toBe('result of none');
  });

  it('that is refused has not used up its id', async () => {
    const refused = test.store.append({
      streams: [to(thing('refused'), 5n, newEvent())],
      command: entry('refused'),
    });
    await expect(refused).rejects.toMatchObject({ reason: 'WRONG_EXPECTED_VERSION' });
    expect(await test.store.findCommand('refused')).toBe(undefined);
    const done = await test.store.append({
      streams: [to(thing('refused'), 'ANY', newEvent())],
      command: entry('refused'),
    });
    expect(done.deduplicated).toBe(false);
  });

  it('that arrives many times at once is carried out once', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () =>
        test.store.append({ streams: [to(thing('many'), 'ANY', newEvent())], command: entry('many') }),
      ),
    );
    expect(outcomes.filter(({ deduplicated }) => !deduplicated).length).toBe(1);
    expect(new Set(outcomes.map(({ firstPosition }) => firstPosition)).size).toBe(1);
    expect((await test.store.getStream(thing('many'))).version).toBe(1n);
  });

  it('loses its answer, and its command nothing else, when an event of it is erased', async () => {
    const stream = thing('erased');
    const { firstPosition } = await test.store.append({
      streams: [to(stream, 'ANY', newEvent(), newEvent())],
      command: entry('erased'),
    });
    await test.store.append({ streams: [to(stream, 'ANY', newEvent())], command: entry('kept') });
    await test.store.eraseEvents({ stream, expectedVersion: 'ANY', versions: [{ first: 2n, last: 2n }] });
    expect(await test.store.findCommand('erased')).toMatchObject({ firstPosition, result: Buffer.alloc(0) });
    expect(text((await test.store.findCommand('kept'))?.result)).toBe('result of kept');
  });
});

describe('snapshots', () => {
  const snapshot = (version: bigint, schemaVersion = 1) => ({
    version,
    data: Buffer.from(`state at ${version}`),
    contentType: 'application/json',
    schemaVersion,
  });

  it('are found by version and schema version, and the newest three are kept', async () => {
    const stream = thing('snap');
    await test.store.append({ streams: [to(stream, 'ANY', ...Array.from({ length: 9 }, () => newEvent()))] });
    for (const version of [2n, 4n, 6n, 8n]) await test.store.saveSnapshot(stream, snapshot(version));
    expect(await test.store.getSnapshot(stream)).toMatchObject({ version: 8n, schemaVersion: 1 });
    expect((await test.store.getSnapshot(stream, { upToVersion: 7n }))?.version).toBe(6n);
    expect(await test.store.getSnapshot(stream, { upToVersion: 3n })).toBe(undefined);
    expect(await test.store.getSnapshot(stream, { schemaVersion: 2 })).toBe(undefined);
    expect(await test.store.deleteSnapshots(stream)).toBe(3n);
    expect(await test.store.getSnapshot(stream)).toBe(undefined);
  });

  it('of versions that the aggregate has not, or had in a former life, are refused and not found', async () => {
    const stream = thing('lives');
    await expect(test.store.saveSnapshot(stream, snapshot(1n))).rejects.toMatchObject({
      reason: 'STREAM_NOT_FOUND',
    });
    await test.store.append({ streams: [to(stream, 'ANY', newEvent(), newEvent())] });
    await expect(test.store.saveSnapshot(stream, snapshot(3n))).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
    });
    await test.store.saveSnapshot(stream, snapshot(2n));
    await test.store.deleteStream({ stream, expectedVersion: 2n });
    await expect(test.store.saveSnapshot(stream, snapshot(2n))).rejects.toMatchObject({
      reason: 'STREAM_DELETED',
    });
    await test.store.append({ streams: [to(stream, 'NO_STREAM', newEvent())] });
    expect(await test.store.getSnapshot(stream)).toBe(undefined);
    await expect(test.store.saveSnapshot(stream, snapshot(2n))).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
    });
    await test.store.saveSnapshot(stream, snapshot(4n));
  });

  it('do not survive an erasure, and none from before it can be kept', async () => {
    const stream = thing('erasure');
    await test.store.append({ streams: [to(stream, 'ANY', newEvent(), newEvent(), newEvent())] });
    await test.store.saveSnapshot(stream, snapshot(1n));
    await test.store.saveSnapshot(stream, snapshot(3n));
    await test.store.eraseEvents({ stream, expectedVersion: 3n, versions: [{ first: 2n, last: 2n }] });
    expect((await test.store.getSnapshot(stream))?.version).toBe(1n);
    await expect(test.store.saveSnapshot(stream, snapshot(3n))).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
    });
    await test.store.saveSnapshot(stream, snapshot(4n));
  });
});
