import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { type RunningService, serve, urlOf } from '../support/headwater.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';
import { goPrograms, type Programs, pythonPrograms, scratch } from './programs.js';

const schema = newSchemaName();
const { folder, remove } = scratch();
let service: RunningService;
const programs = new Map<string, Programs>();

beforeAll(async () => {
  service = await serve(['--namespace', schema], urlOf(inject('connection')));
  programs.set('Python', pythonPrograms(folder));
  programs.set('Go', goPrograms(folder));
}, 300_000);
afterAll(async () => {
  await service.kill('SIGTERM');
  const database = openDatabase();
  await database.query('append', `DROP SCHEMA "${schema}" CASCADE`, []);
  await database.close();
  remove();
});

it.each([
  ['Python', 'ABORTED'],
  ['Go', 'Aborted'],
])(
  '%s appends with its own ids, sends again, loads, reads a conflict out of the details, and follows',
  async (language, aborted) => {
    const lines: string[] = [];
    for await (const line of programs.get(language)?.start('events', service.address, randomUUID()).lines ??
      [])
      lines.push(line.replace(/("\w+":) /g, '$1'));
    expect(lines).toEqual([
      'appended, version 2',
      'sent again: answered as the first time',
      'loaded AccountOpened 1 {"owner":"ada"}',
      'loaded Deposited 2 {"amount":100}',
      `${aborted} WRONG_EXPECTED_VERSION expected 1 actual 2`,
      'followed AccountOpened 1',
      'followed Deposited 2',
      'caught up',
      'followed AccountClosed 3',
    ]);
  },
);
