import { inject, describe, expect, it } from 'vitest';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { onTestFinished } from 'vitest';
import { urlOf } from '../support/headwater.js';
import { newSchemaName } from '../support/test-database.js';
import { serve } from './service.js';

const library = pathToFileURL(path.resolve(import.meta.dirname, '../../src/index.ts')).href;

const DOMAIN = `
import { CommandRejectedError, defineAggregate, eventTypes, json } from ${JSON.stringify(library)};
const events = eventTypes().register('Counted', { codec: json() });
const counter = defineAggregate({
  type: 'Counter',
  events,
  initialState: { count: 0 },
  evolve: ({ count }, { payload }) => ({ count: count + payload.by }),
  commands: {
    Count: {
      data: json(),
      decide: ({ count }, { by }) => {
        if (count + by > 10) throw new CommandRejectedError('TOO_MUCH', 'Ten is the limit');
        return [events.encode('Counted', { by })];
      },
    },
  },
});
export const domain = [counter];
`;

async function domainFile(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'headwater-domain-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = path.join(folder, 'domain.mjs');
  await writeFile(file, DOMAIN);
  return file;
}

describe('a service with a domain', () => {
  it('decides its commands and folds its aggregates, in each namespace for itself', async () => {
    const [own, other] = [newSchemaName(), newSchemaName()];
    const { connection, service } = await serve(urlOf(inject('connection')), {
      domain: await domainFile(),
      namespace: own,
    });
    expect(service.commandTypes).toBe(1);
    await connection.namespaces.create(other);
    onTestFinished(async () => {
      await connection.namespaces.drop(other, { confirm: other });
    });
    const count = (by: number) => ({
      commandType: 'Count',
      aggregateId: 'one',
      data: { kind: 'JSON' as const, bytes: Buffer.from(JSON.stringify({ by })) },
    });
    const elsewhere = connection.namespace(other);
    await connection.commands.execute(count(7));
    await elsewhere.commands.execute(count(2));
    await expect(connection.commands.execute(count(7))).rejects.toMatchObject({ domainReason: 'TOO_MUCH' });
    await elsewhere.commands.execute(count(7));
    const aggregate = { aggregateType: 'Counter', aggregateId: 'one' };
    const states: unknown[] = [];
    for (const { aggregates } of [connection, elsewhere])
      for await (const { state } of aggregates.get({ aggregate }))
        states.push(JSON.parse(Buffer.from(state ?? []).toString()));
    expect(states).toEqual([{ count: 7 }, { count: 9 }]);
  });
});
