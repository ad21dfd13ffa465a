import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemRuntime } from '../../../src/system.js';
import { eventually } from '../../../src/testing/contract.js';
import { newGroup, TestMember } from '../../../src/testing/group-storage-members.js';
import { openDatabase, openTestDatabase, type TestDatabase } from '../../support/test-database.js';
import { groupStorageOn } from './storage-on.js';

const framework = { describe, it, expect, sleep: (time: number) => systemRuntime.sleep(time) };

let opened: TestDatabase;

beforeAll(async () => {
  opened = await openTestDatabase();
});

afterAll(() => opened.close());

describe('two instances', () => {
  it('learn from each other that slots were shared out anew', async () => {
    const other = openDatabase();
    const heard = new Set<string>();
    const stop = groupStorageOn({ database: other, schema: opened.schema }).onChange((group) =>
      heard.add(group),
    );
    try {
      const storage = groupStorageOn(opened);
      await storage.create(newGroup('heard'));
      let members = 0;
      // The first may be before the other listens.
      await eventually(framework, 'it is told', async () => {
        await new TestMember(storage, 'heard', `member ${members++}`).join();
        return heard.has('heard');
      });
    } finally {
      stop();
      await other.close();
    }
  });

  it('beat for members of the same groups at the same time, in whatever order', async () => {
    const [one, other] = [groupStorageOn(opened), groupStorageOn(opened)];
    const groups = Array.from({ length: 6 }, (_, id) => `shared ${id}`);
    for (const group of groups) await one.create(newGroup(group));
    const members = async (storage: typeof one, id: string) =>
      Promise.all(groups.map((group) => new TestMember(storage, group, id).join()));
    const [mine, theirs] = [await members(one, 'mine'), (await members(other, 'theirs')).reverse()];
    for (let round = 0; round < 20; round++) {
      const orders = await Promise.all([
        one.beat(mine.map((member) => member.says())),
        other.beat(theirs.map((member) => member.says())),
      ]);
      expect(orders.flat().map(({ ended }) => ended)).toEqual(Array.from({ length: 12 }, () => undefined));
    }
  });
});

describe('a beat', () => {
  it('is of no more members than one transaction is to hold', async () => {
    const member = new TestMember(groupStorageOn(opened), 'large', 'a').says();
    const beats = Array.from({ length: 1001 }, () => member);
    await expect(groupStorageOn(opened).beat(beats)).rejects.toThrow(RangeError);
    expect(await groupStorageOn(opened).beat([])).toEqual([]);
  });

  it('that finds nothing to do rewrites no slot', async () => {
    const storage = groupStorageOn(opened);
    await storage.create(newGroup('idle', 64));
    const member = await new TestMember(storage, 'idle', 'a').join();
    await member.beat();
    const written = async () => {
      const rows = await opened.database.query(
        'read',
        `SELECT xmin, ctid FROM "${opened.schema}".group_slots WHERE group_name = 'idle' ORDER BY slot`,
        [],
      );
      return rows;
    };
    const before = await written();
    for (let round = 0; round < 5; round++) await member.beat();
    expect(await written()).toEqual(before);
  });
});
