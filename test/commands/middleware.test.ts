import { describe, expect, it } from 'vitest';
import { commandOf } from '../../src/commands/command-registry.js';
import { type AnyMiddleware, type EventHandling, useMiddleware } from '../../src/commands/middleware.js';
import { logging } from '../../src/commands/middleware/logging.js';
import { metrics } from '../../src/commands/middleware/metrics.js';
import { retry } from '../../src/commands/middleware/retry.js';
import { timeout } from '../../src/commands/middleware/timeout.js';
import { validation } from '../../src/commands/middleware/validation.js';
import type { LogFields } from '../../src/core/logger.js';
import { systemRuntime } from '../../src/system.js';
import { storedEvent } from '../core/events.js';
import { account, managerOn, memoryStore } from './account.js';

const runtime = systemRuntime;
const signal = new AbortController().signal;
const event: EventHandling = { kind: 'EVENT', event: storedEvent({ eventType: 'Happened' }), attempt: 1 };
const open = commandOf(account, 'Open', { owner: 'secret' }, { aggregateId: 'a', commandId: 'c-1' });
const deposit = commandOf(account, 'Deposit', { amount: 1 }, { aggregateId: 'b' });

describe('middleware', () => {
  it('stands around commands and events alike, the first outermost', async () => {
    const told: string[] = [];
    const telling =
      (name: string): AnyMiddleware =>
      (next) =>
      async (handled, how) => {
        told.push(`${name} before`);
        const answer = await next(handled, how);
        told.push(`${name} after`);
        return answer;
      };
    const around = [telling('outer'), telling('inner')];
    await managerOn(memoryStore(), { middleware: around }).execute(open);
    await useMiddleware(around, async () => {
      told.push('event');
    })(event, signal);
    expect(told.filter((one) => one !== 'event')).toEqual(
      ['outer before', 'inner before', 'inner after', 'outer after']
        .flatMap((one) => one)
        .concat(['outer before', 'inner before', 'inner after', 'outer after']),
    );
    expect(told[6]).toBe('event');
  });

  it('of logging says what was done, and never what it carried', async () => {
    const lines: [string, LogFields | undefined][] = [];
    const line = (message: string, fields?: LogFields) => void lines.push([message, fields]);
    const logger = { debug: line, info: line, warn: line, error: line };
    const manager = managerOn(memoryStore(), { middleware: [logging({ logger, runtime })] });
    await manager.execute(open);
    await expect(manager.execute(deposit)).rejects.toThrow();
    expect(lines).toMatchObject([
      ['Open done', { command_id: 'c-1', aggregateType: 'Account', aggregateId: 'a' }],
      ['Deposit refused', { reason: 'STREAM_NOT_FOUND', aggregateId: 'b' }],
    ]);
    expect(JSON.stringify(lines)).not.toContain('secret');
    const failing = useMiddleware([logging({ logger, runtime })], async () => {
      throw new TypeError('with the secret in it');
    });
    await expect(failing(event, signal)).rejects.toThrow();
    expect(lines.at(-1)).toMatchObject(['Happened failed', { error: 'TypeError' }]);
    expect(lines.at(-1)?.[1]).not.toHaveProperty('message');
  });

  it('of metrics counts by type and outcome', async () => {
    const counts: string[] = [];
    const port = {
      count: (name: string, labels: Readonly<Record<string, string>>) =>
        void counts.push(`${name} ${labels['type']} ${labels['outcome']}`),
      observe: (name: string, value: number) => {
        expect(value).toBeGreaterThanOrEqual(0);
        counts.push(name);
      },
    };
    const around = [metrics({ metrics: port, runtime })];
    const manager = managerOn(memoryStore(), { middleware: around });
    await manager.execute(open);
    await expect(manager.execute(deposit)).rejects.toThrow();
    await useMiddleware(around, async () => undefined)(event, signal);
    expect(counts).toEqual([
      'headwater_commands_total Open ok',
      'headwater_command_seconds',
      'headwater_commands_total Deposit STREAM_NOT_FOUND',
      'headwater_command_seconds',
      'headwater_events_handled_total Happened ok',
      'headwater_event_handling_seconds',
    ]);
  });

  it('of retry tries what may be tried again, so many times', async () => {
    const attempts: number[] = [];
    const handler = useMiddleware(
      [retry({ runtime, attempts: 3, isRetryable: (error) => error instanceof RangeError })],
      async ({ attempt }: EventHandling) => {
        attempts.push(attempt);
        throw attempts.length < 4 ? new RangeError('again') : new TypeError('no more');
      },
    );
    await expect(handler(event, signal)).rejects.toThrow('again');
    await expect(handler(event, signal)).rejects.toThrow('no more');
    expect(attempts).toEqual([1, 2, 3, 1]);
  });

  it('of timeout ends what takes too long, and aborts it', async () => {
    let aborted: AbortSignal | undefined;
    const handler = useMiddleware<EventHandling, void>(
      [timeout({ runtime, milliseconds: 20 })],
      async (_, inner) => {
        aborted = inner;
        await runtime.sleep(10_000, inner);
      },
    );
    await expect(handler(event, signal)).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
    expect(aborted?.aborted).toBe(true);
    const quick = useMiddleware([timeout({ runtime, milliseconds: 10_000 })], async () => 'done');
    expect(await quick(event, signal)).toBe('done');
    const left = new AbortController();
    left.abort(new Error('left'));
    await expect(quick(event, left.signal)).rejects.toThrow('left');
  });

  it('of validation takes rules of one’s own', async () => {
    const rules = () => [{ field: 'metadata.tenant', description: 'is missing' }];
    const manager = managerOn(memoryStore(), { middleware: [validation({ rules })] });
    await expect(manager.execute(open)).rejects.toMatchObject({ violations: rules() });
  });
});
