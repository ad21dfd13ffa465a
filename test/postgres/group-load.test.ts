import { describe, expect, it } from 'vitest';
import type { LoadedAggregate } from '../../src/core/loaded-aggregate.js';
import { GroupLoad } from '../../src/postgres/group-load.js';
import type { AggregateSought } from '../../src/postgres/load-aggregates.js';

const sought = (aggregateId: string): AggregateSought => ({
  stream: { aggregateType: 'Account', aggregateId },
  from: 'ANY',
});

const loadedOf = ({ stream }: AggregateSought): LoadedAggregate => ({
  version: BigInt(stream.aggregateId),
  deleted: false,
  snapshot: undefined,
  events: [],
  more: false,
  readTo: { position: 1n },
});

type Answer = (LoadedAggregate | undefined)[];

/** A database whose answers come when they are told to. */
function waitingDatabase() {
  const statements: { ids: string[]; answer(answers?: Answer): void; fail(error: Error): void }[] = [];
  const load = (group: readonly AggregateSought[]) =>
    new Promise<Answer>((resolve, reject) => {
      const ids = group.map(({ stream }) => stream.aggregateId);
      statements.push({ ids, answer: (answers = group.map(loadedOf)) => resolve(answers), fail: reject });
    });
  return { load, statements };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const ids = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `${from + index}`);

describe('loads of aggregates', () => {
  it('of one turn of the event loop share statements, of which two run at a time', async () => {
    const { load, statements } = waitingDatabase();
    const group = new GroupLoad({ load, groupAggregates: 3 });
    const loads = ids(1, 8).map((id) => group.load(sought(id)));
    await turn();
    expect(statements.map((statement) => statement.ids)).toEqual([ids(1, 3), ids(4, 6)]);
    loads.push(group.load(sought('9')));
    statements[1]?.answer();
    expect(await loads[3]).toMatchObject({ version: 4n });
    await turn();
    expect(statements.map((statement) => statement.ids)).toEqual([ids(1, 3), ids(4, 6), ids(7, 9)]);
    for (const statement of statements) statement.answer();
    expect((await Promise.all(loads)).map(({ version }) => version)).toEqual(ids(1, 9).map(BigInt));
  });

  it('that have no room beside others are asked for again', async () => {
    const { load, statements } = waitingDatabase();
    const group = new GroupLoad({ load });
    const loads = ids(1, 3).map((id) => group.load(sought(id)));
    await turn();
    statements[0]?.answer([loadedOf(sought('1')), undefined, undefined]);
    expect(await loads[0]).toMatchObject({ version: 1n });
    await turn();
    expect(statements[1]?.ids).toEqual(['2', '3']);
    statements[1]?.answer();
    expect(await loads[2]).toMatchObject({ version: 3n });
  });

  it('fail together with their statement, and the next ones are loaded', async () => {
    const { load, statements } = waitingDatabase();
    const group = new GroupLoad({ load, groupAggregates: 2, statements: 1 });
    const loads = ids(1, 3).map((id) => group.load(sought(id)));
    const failed = Promise.allSettled(loads.slice(0, 2));
    await turn();
    statements[0]?.fail(new Error('No database'));
    expect(await failed).toMatchObject([
      { status: 'rejected', reason: { message: 'No database' } },
      { status: 'rejected', reason: { message: 'No database' } },
    ]);
    await turn();
    statements[1]?.answer();
    expect(await loads[2]).toMatchObject({ version: 3n });
  });

  it('that nobody waits for any more end at once, and are not asked for if they have not been', async () => {
    const { load, statements } = waitingDatabase();
    const group = new GroupLoad({ load, groupAggregates: 2, statements: 1 });
    const gone = new AbortController();
    const loads = ids(1, 4).map((id) =>
      group.load(sought(id), id === '2' || id === '3' ? gone.signal : new AbortController().signal),
    );
    const ended = Promise.allSettled([loads[1], loads[2]]);
    await turn();
    gone.abort(new Error('Gone'));
    expect(await ended).toMatchObject([{ reason: { message: 'Gone' } }, { reason: { message: 'Gone' } }]);
    statements[0]?.answer();
    expect(await loads[0]).toMatchObject({ version: 1n });
    await turn();
    expect(statements[1]?.ids).toEqual(['4']);
    statements[1]?.answer();
    await loads[3];
  });

  it('above a bound are refused', async () => {
    const { load, statements } = waitingDatabase();
    const group = new GroupLoad({ load, groupAggregates: 1, statements: 1, queueAggregates: 2 });
    const loads = ids(1, 3).map((id) => group.load(sought(id)));
    await expect(loads[2]).rejects.toMatchObject({ reason: 'OVERLOADED', limit: 'load_queue_aggregates' });
    await turn();
    statements[0]?.answer();
    await loads[0];
    await turn();
    statements[1]?.answer();
    await loads[1];
  });
});
