import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GroupNotFoundError, LeaseLostError } from '../../../src/core/follower-errors.js';
import { systemRuntime } from '../../../src/system.js';
import { appendTo, loaded, newEvent } from '../../../src/testing/builders.js';
import { groupStorageContract } from '../../../src/testing/group-storage-contract.js';
import { openTestStore, type TestStore } from '../../support/test-database.js';
import { openSqlSession, refusal, type SqlSession } from '../sql-session.js';
import { groupStorageOn } from './storage-on.js';

let opened: TestStore;
let sql: SqlSession;

beforeAll(async () => {
  opened = await openTestStore();
  sql = await openSqlSession(opened.schema);
});

afterAll(async () => {
  await sql.close();
  await opened.close();
});

describe('groups on Postgres', () => {
  groupStorageContract(
    { describe, it, expect, sleep: (time) => systemRuntime.sleep(time) },
    async (options) => {
      const { store } = opened;
      const storage = groupStorageOn(opened, options);
      return {
        storage,
        store,
        acknowledge: async ({ group, memberId, nth, stream }) => {
          const events = await loaded(store, { scope: { kind: 'STREAMS', streams: [stream] } });
          for (let count = events.length; count < nth; count++)
            await store.append(appendTo(stream, newEvent()));
          const now = await loaded(store, { scope: { kind: 'STREAM', stream } });
          const position = now[nth - 1]?.position ?? 0n;
          const asked = sql.query('SELECT $schema.ack($1, $2, $3)', [group, memberId, String(position)]);
          const answer = await asked.catch(async () => refusal(asked));
          if (Array.isArray(answer)) return { done: answer[0]?.[0] === 't', position };
          if (answer.code === 'ZH024') throw new GroupNotFoundError(group);
          if (answer.code === 'ZH029') throw new LeaseLostError(memberId);
          throw new Error(answer.message);
        },
        close: async () => {
          for (const { name } of (await storage.list({})).groups) await storage.delete(name);
        },
      };
    },
  );
});
