import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ServerLog } from '../../src/embedded/server-log.js';
import { scratch } from './scratch.js';

describe("the server's log", () => {
  test('never takes more than twice its limit, and keeps the newest', async () => {
    const folder = await scratch();
    const log = new ServerLog(join(folder, 'log'), { limitBytes: 1000 });
    for (let n = 0; n < 500; n++) log.write(Buffer.from(`line ${n}\n`));
    log.close();
    const files = readdirSync(folder);
    expect(files.toSorted()).toEqual(['log', 'log.1']);
    const sizes = files.map((name) => statSync(join(folder, name)).size);
    expect(Math.max(...sizes)).toBeLessThan(1020);
    const kept = ['log.1', 'log'].map((name) => readFileSync(join(folder, name), 'utf8')).join('');
    expect(kept).toMatch(/line 498\nline 499\n$/);
  });

  test('counts what former servers wrote', async () => {
    const folder = await scratch();
    for (let start = 0; start < 5; start++) {
      const log = new ServerLog(join(folder, 'log'), { limitBytes: 250 });
      log.write(Buffer.from(`${'x'.repeat(99)}\n`));
      log.close();
    }
    expect(statSync(join(folder, 'log')).size).toBe(200);
    expect(statSync(join(folder, 'log.1')).size).toBe(300);
  });

  test('hands on whole lines, however they arrive', async () => {
    const lines: string[] = [];
    const log = new ServerLog(join(await scratch(), 'log'), { onLine: (line) => lines.push(line) });
    const bytes = Buffer.from('grüße\nzweite Zeile\nunvoll');
    for (const byte of bytes) log.write(Buffer.of(byte));
    expect(lines).toEqual(['grüße', 'zweite Zeile']);
    expect(log.tail()).toBe('grüße; zweite Zeile; unvoll');
    log.close();
  });

  test('is given up where it cannot be written, and nothing else is', async () => {
    const lines: string[] = [];
    const log = new ServerLog(join(await scratch(), 'no', 'such', 'folder'), {
      onLine: (line) => lines.push(line),
    });
    log.write(Buffer.from('still heard\n'));
    log.close();
    expect(lines).toEqual(['still heard']);
  });
});
