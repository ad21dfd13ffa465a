import { describe, expect, it } from 'vitest';
import {
  NotificationQueue,
  type NotificationQueueOptions,
} from '../../src/projections/notification-queue.js';
import { systemRuntime } from '../../src/system.js';

interface Item {
  readonly key: string;
  readonly number: number;
}

const item = (key: string, number: number): Item => ({ key, number });
const named = ({ key, number }: Item) => `${key}${number}`;

function queueOf(
  handle: NotificationQueueOptions<Item>['handle'],
  options: Partial<NotificationQueueOptions<Item>> = {},
): NotificationQueue<Item> {
  return new NotificationQueue({
    runtime: systemRuntime,
    keyOf: ({ key }) => key,
    handle,
    firstDelayMs: 1,
    ...options,
  });
}

/** Holds up whoever comes until it is opened. */
function gate(): { readonly passed: Promise<void>; readonly open: () => void } {
  let open = () => undefined as void;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

describe('a notification queue', () => {
  it('handles the items of a key one at a time and in order, those of others side by side', async () => {
    const running = new Map<string, number>();
    const seen: string[] = [];
    let most = 0;
    const queue = queueOf(
      async ({ key, number }) => {
        const those = (running.get(key) ?? 0) + 1;
        expect(those).toBe(1);
        running.set(key, those);
        most = Math.max(most, [...running.values()].filter((count) => count > 0).length);
        await systemRuntime.sleep(number % 3);
        seen.push(`${key}${number}`);
        running.set(key, 0);
      },
      { workers: 3 },
    );
    for (let number = 0; number < 20; number++)
      for (const key of ['a', 'b', 'c', 'd', 'e']) await queue.push(item(key, number));
    await queue.idle();
    expect(most).toBe(3);
    for (const key of ['a', 'b', 'c', 'd', 'e'])
      expect(seen.filter((name) => name.startsWith(key))).toEqual(
        Array.from({ length: 20 }, (_, number) => `${key}${number}`),
      );
    expect(queue.metrics()).toMatchObject({ held: 0, running: 0, pushed: 100, handled: 100, requeued: 0 });
  });

  it('tries again what fails, in front of what is behind it, and gives up in the end', async () => {
    const seen: string[] = [];
    const givenUp: string[] = [];
    const queue = queueOf(
      async (one, { attempt }) => {
        seen.push(`${named(one)} ${attempt}`);
        if (one.key === 'bad' || (one.number === 1 && attempt < 3)) throw new Error(`not ${named(one)}`);
      },
      {
        workers: 1,
        attempts: 3,
        onGivenUp: (one, error) => givenUp.push(`${named(one)}: ${(error as Error).message}`),
      },
    );
    for (const one of [item('a', 1), item('a', 2), item('bad', 1), item('bad', 2)]) await queue.push(one);
    await queue.idle();
    expect(seen.filter((name) => name.startsWith('a'))).toEqual(['a1 1', 'a1 2', 'a1 3', 'a2 1']);
    expect(givenUp).toEqual(['bad1: not bad1', 'bad2: not bad2']);
    expect(queue.metrics()).toMatchObject({ held: 0, handled: 2, requeued: 6, givenUp: 2 });
  });

  it('holds up an item for its delay, and those of its key behind it', async () => {
    const seen: string[] = [];
    const began = systemRuntime.monotonic();
    let handledAfter = 0;
    const queue = queueOf(async (one) => {
      seen.push(named(one));
      if (one.key === 'late' && handledAfter === 0) handledAfter = systemRuntime.monotonic() - began;
    });
    await queue.push(item('late', 1), { delayMs: 30 });
    await queue.push(item('late', 2));
    await queue.push(item('soon', 1));
    expect(queue.metrics().delayed).toBe(1);
    await queue.idle();
    expect(seen).toEqual(['soon1', 'late1', 'late2']);
    expect(handledAfter).toBeGreaterThanOrEqual(29);
  });

  it('that is full refuses, or has the caller wait for room', async () => {
    const { passed, open } = gate();
    const queue = queueOf(() => passed, { capacity: 2, waitingPushes: 1 });
    expect([queue.offer(item('a', 1)), queue.offer(item('a', 2)), queue.offer(item('b', 1))]).toEqual([
      true,
      true,
      false,
    ]);
    let pushed = false;
    const pushing = queue.push(item('b', 1)).then(() => {
      pushed = true;
    });
    await expect(queue.push(item('b', 2))).rejects.toMatchObject({ reason: 'OVERLOADED' });
    expect(pushed).toBe(false);
    open();
    await pushing;
    await queue.idle();
    expect(queue.metrics()).toMatchObject({ pushed: 3, handled: 3 });
  });

  it('leaves alone who does not want to wait for room any more', async () => {
    const { passed, open } = gate();
    const queue = queueOf(() => passed, { capacity: 1 });
    await queue.push(item('a', 1));
    const controller = new AbortController();
    const waiting = queue.push(item('a', 2), { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    open();
    await queue.idle();
    expect(queue.metrics().pushed).toBe(1);
  });

  it('is drained when it is stopped: without delays and repetitions, and says what is left', async () => {
    const seen: string[] = [];
    const queue = queueOf(async (one) => {
      seen.push(named(one));
      if (one.key === 'bad') throw new Error('no');
    });
    await queue.push(item('late', 1), { delayMs: 3_600_000 });
    await queue.push(item('late', 2));
    await queue.push(item('bad', 1), { delayMs: 3_600_000 });
    const left = await queue.stop();
    expect(left.map(named)).toEqual(['bad1']);
    expect([...seen].sort()).toEqual(['bad1', 'late1', 'late2']);
    expect(queue.offer(item('a', 1))).toBe(false);
    await expect(queue.push(item('a', 1))).rejects.toMatchObject({ reason: 'OVERLOADED', limit: 'stopped' });
    expect(await queue.stop()).toEqual(left);
  });

  it('begins nothing more when draining takes too long', async () => {
    const controller = new AbortController();
    const began: string[] = [];
    const queue = queueOf(
      async (one, { signal }) => {
        began.push(named(one));
        await systemRuntime.sleep(3_600_000, signal);
      },
      { workers: 1 },
    );
    await queue.push(item('a', 1));
    await queue.push(item('b', 1));
    const stopping = queue.stop(controller.signal);
    controller.abort(new Error('now'));
    expect((await stopping).map(named)).toEqual(['a1', 'b1']);
    expect(began).toEqual(['a1']);
  });
});
