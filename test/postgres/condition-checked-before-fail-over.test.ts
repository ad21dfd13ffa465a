import { expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../src/core/limits.js';
import { GroupAppends } from '../../src/postgres/group-appends.js';
import { checkCondition } from '../../src/postgres/check-condition.js';
import { prepareAppend } from '../../src/postgres/prepared-append.js';
import { systemRuntime } from '../../src/system.js';
import { appendTo, newEvent, thing } from '../../src/testing/index.js';
import { openTestStore } from '../support/test-database.js';

it('what a condition was found to hold in a lost tail does not count', async () => {
  const test = await openTestStore();
  const { store, database, schema } = test;
  try {
    for (let n = 1; n <= 3; n++) await store.append(appendTo(thing('a'), newEvent({ eventType: 'Other' })));
    const condition = { items: [{ eventTypes: ['Claimed'] }] };
    const request = {
      streams: [{ stream: thing('b'), expectedVersion: 'ANY' as const, events: [newEvent()] }],
      condition,
    };
    const checked = await checkCondition(database, schema, condition);
    expect(checked).toEqual({ position: 3n, epoch: 1n });
    // A fail-over loses positions 2 and 3; then somebody else claims it, at one of them.
    for (const text of [
      `ALTER TABLE "${schema}".events DISABLE TRIGGER USER`,
      `DELETE FROM "${schema}".events WHERE position > 1`,
      `UPDATE "${schema}".streams SET version = 1`,
      `INSERT INTO "${schema}".epochs SELECT 2, 1, system_id, timeline, now() FROM "${schema}".log_head`,
      `UPDATE "${schema}".log_head SET position = 1, epoch = 2`,
    ])
      await database.query('append', text, []);
    await store.append(appendTo(thing('c'), newEvent({ eventType: 'Claimed' })));
    await store.append(appendTo(thing('c'), newEvent({ eventType: 'Other' })));
    const appends = new GroupAppends({ database, schema, runtime: systemRuntime });
    const prepared = {
      ...prepareAppend(request, DEFAULT_LIMITS, systemRuntime),
      conditionChecked: checked,
    };
    expect(await appends.append([prepared])).toMatchObject([{ outcome: 'REFUSED', conditionFailedAt: 2n }]);
  } finally {
    await test.close();
  }
});
