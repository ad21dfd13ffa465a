import type { CommandEntry } from '../core/append.js';
import { newEvent, thing, to } from './builders.js';
import type { TestFramework, WithStore } from './contract.js';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function entry(commandId: string, { body = 1, result = 'answer' } = {}): CommandEntry {
  return {
    commandId,
    commandType: 'DoIt',
    bodyHash: new Uint8Array(32).fill(body),
    result: encoder.encode(result),
  };
}

/** The ledger of commands: written with an append, and asked before all else. */
export function commandsContract({ describe, it, expect }: TestFramework, withStore: WithStore): void {
  describe('an append that is the outcome of a command', () => {
    it(
      'sent again, with whatever events and expectations, is answered as the first time',
      withStore(async (store) => {
        const stream = thing('a');
        const first = await store.append({
          streams: [to(stream, 'NO_STREAM', newEvent(), newEvent())],
          command: entry('c'),
        });
        expect(first.deduplicated).toBe(false);
        await store.append({ streams: [to(stream, 2n, newEvent())] });
        const again = await store.append({
          streams: [to(thing('b'), 7n, newEvent({ json: 'decided anew' }))],
          command: entry('c', { result: 'another answer' }),
        });
        const { deduplicated, commandResult, ...same } = again;
        expect(deduplicated).toBe(true);
        expect(decoder.decode(commandResult)).toBe('answer');
        const { deduplicated: _, ...before } = first;
        expect(same).toEqual(before);
        expect((await store.getLog()).position).toBe(3n);
      }),
    );

    it(
      'is in the ledger',
      withStore(async (store) => {
        const { epoch, eventIds, firstPosition, lastPosition, recordedAt, versions } = await store.append({
          streams: [to(thing('b'), 'ANY', newEvent(), newEvent()), to(thing('a'), 'ANY', newEvent())],
          command: entry('c'),
        });
        expect(versions.length).toBe(2);
        const found = await store.findCommand('c');
        expect({
          ...found,
          bodyHash: [...(found?.bodyHash ?? [])],
          result: decoder.decode(found?.result),
        }).toEqual({
          commandId: 'c',
          commandType: 'DoIt',
          bodyHash: [...entry('c').bodyHash],
          result: 'answer',
          firstPosition,
          lastPosition,
          recordedAt,
          eventIds,
          versions,
          epoch,
        });
        expect(await store.findCommand('d')).toBe(undefined);
      }),
    );

    it(
      'is told of with its events when those are truncated, or erased',
      withStore(async (store) => {
        const stream = thing('a');
        const append = async (commandId: string) =>
          store.append({ streams: [to(stream, 'ANY', newEvent(), newEvent())], command: entry(commandId) });
        const [truncated, erased] = [await append('truncated'), await append('erased')];
        await append('last');
        await store.eraseEvents({ stream, expectedVersion: 'ANY', versions: [{ first: 3n, last: 4n }] });
        await store.truncateStream({ stream, expectedVersion: 'ANY', beforeVersion: 3n });
        for (const [commandId, { eventIds, versions }] of Object.entries({ truncated, erased }))
          expect(await store.findCommand(commandId)).toMatchObject({ eventIds, versions });
      }),
    );

    it(
      'of another body is refused, and nothing is written',
      withStore(async (store) => {
        await store.append({ streams: [to(thing('a'), 'ANY', newEvent())], command: entry('c') });
        await expect(
          store.append({ streams: [to(thing('b'), 'ANY', newEvent())], command: entry('c', { body: 2 }) }),
        ).rejects.toMatchObject({ reason: 'COMMAND_ID_REUSED', commandId: 'c' });
        expect((await store.getLog()).position).toBe(1n);
      }),
    );

    it(
      'is kept where it has no events',
      withStore(async (store) => {
        const request = { streams: [to(thing('a'), 'NO_STREAM')], command: entry('c') };
        expect(await store.append(request)).toMatchObject({ deduplicated: false, lastPosition: 0n });
        const again = await store.append(request);
        expect(again).toMatchObject({
          deduplicated: true,
          firstPosition: 0n,
          lastPosition: 0n,
          versions: [],
        });
        expect(decoder.decode(again.commandResult)).toBe('answer');
      }),
    );

    it(
      'and is refused does not use up its id',
      withStore(async (store) => {
        const refused = { streams: [to(thing('a'), 5n, newEvent())], command: entry('c') };
        await expect(store.append(refused)).rejects.toMatchObject({ reason: 'WRONG_EXPECTED_VERSION' });
        expect(await store.findCommand('c')).toBe(undefined);
        const done = await store.append({
          streams: [to(thing('a'), 'ANY', newEvent())],
          command: entry('c'),
        });
        expect(done.deduplicated).toBe(false);
      }),
    );

    it(
      'loses its result when one of its events is erased, and no other does',
      withStore(async (store) => {
        const stream = thing('a');
        await store.append({ streams: [to(stream, 'ANY', newEvent(), newEvent())], command: entry('c') });
        await store.append({ streams: [to(stream, 'ANY', newEvent())], command: entry('d') });
        await store.append({ streams: [to(stream, 'ANY')], command: entry('e') });
        await store.eraseEvents({ stream, expectedVersion: 'ANY', versions: [{ first: 2n, last: 2n }] });
        const results: string[] = [];
        for (const id of ['c', 'd', 'e']) results.push(decoder.decode((await store.findCommand(id))?.result));
        expect(results).toEqual(['', 'answer', 'answer']);
      }),
    );

    it(
      'must be well-formed',
      withStore(async (store) => {
        const command = {
          commandId: '',
          commandType: '$own',
          bodyHash: new Uint8Array(31),
          result: new Uint8Array(64 * 1024 + 1),
        };
        await expect(
          store.append({ streams: [to(thing('a'), 'ANY', newEvent())], command }),
        ).rejects.toMatchObject({ reason: 'INVALID_REQUEST', count: 4 });
        await expect(store.findCommand('')).rejects.toMatchObject({ reason: 'INVALID_REQUEST' });
      }),
    );
  });
}
