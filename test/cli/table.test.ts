import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { EventPrinter } from '../../src/cli/event-printer.js';
import { Output } from '../../src/cli/output.js';
import { TablePrinter } from '../../src/cli/table.js';
import type { Event } from '../../src/core/event.js';

function output() {
  const stream = new PassThrough();
  return {
    output: new Output(stream as unknown as NodeJS.WriteStream),
    lines: () =>
      String(stream.read() ?? '')
        .split('\n')
        .slice(0, -1),
  };
}

const event = (position: bigint, aggregateId: string): Event => ({
  eventId: '0190a000-0000-7000-8000-00000000c001',
  stream: { aggregateType: 'Account', aggregateId },
  version: 1n,
  position,
  eventType: 'Opened',
  data: Buffer.from('{}'),
  contentType: 'application/json',
  metadata: {},
  tags: [],
  schemaVersion: 1,
  recordedAt: 0n,
});

describe('a table whose rows come in portions', () => {
  it('keeps its columns, and begins anew with a head where one needs more', async () => {
    const { output: to, lines } = output();
    const table = new TablePrinter(to, { head: ['name', 'value'], width: 80 });
    await table.print([['first', '1']]);
    await table.print([['a', '2']]);
    await table.print([['a longer one', '3']]);
    await table.print([['b', '4']]);
    await table.print([]);
    expect(lines()).toEqual([
      'name   value',
      'first  1',
      'a      2',
      'name          value',
      'a longer one  3',
      'b             4',
    ]);
  });
});

describe('events that come one by one', () => {
  it('stand below the head, without its being repeated', async () => {
    const { output: to, lines } = output();
    const printer = new EventPrinter(to, 'table', { live: true });
    for (const [position, id] of [
      [1n, '1'],
      [20n, 'longer-than-the-first'.slice(0, 16)],
      [300_000n, '3'],
    ] as const)
      await printer.print([event(position, id)]);
    const [head = '', ...rows] = lines();
    expect(rows).toHaveLength(3);
    for (const row of rows) {
      expect(row.indexOf('Account/')).toBe(head.indexOf('stream'));
      expect(row.indexOf('Opened')).toBe(head.indexOf('event type'));
      expect(row.indexOf('{}')).toBe(head.indexOf('data'));
    }
  });

  it('that are erased are shown as such', async () => {
    const { output: to, lines } = output();
    const erased: Event = { ...event(1n, '1'), data: Buffer.of(), contentType: '', erased: true };
    await new EventPrinter(to, 'table').print([erased]);
    expect(lines()[1]).toMatch(/ {2}\(erased\)$/);
    await new EventPrinter(to, 'ndjson').print([erased]);
    const [line = ''] = lines();
    const printed: unknown = JSON.parse(line);
    expect(printed).toMatchObject({ position: '1', event_type: 'Opened', erased: true });
    expect(printed).not.toHaveProperty('data');
    expect(printed).not.toHaveProperty('data_base64');
  });
});
