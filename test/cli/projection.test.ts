import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest';
import { type Connection, connect } from '../../src/client/connect.js';
import type { AcquireRequest, ProjectionLease } from '../../src/core/projections.js';
import { headwater, type RunningService, serve, spawnHeadwater, urlOf } from '../support/headwater.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';

const namespace = newSchemaName();
let service: RunningService;
let connection: Connection;
let head: bigint;
let name: string;
let tests = 0;

beforeAll(async () => {
  service = await serve(['--namespace', namespace], urlOf(inject('connection')));
  connection = connect({ address: service.address });
  const event = { eventType: 'Opened', data: Buffer.from('{}') };
  const appended = await connection.eventStore.append({
    streams: [
      {
        stream: { aggregateType: 'Account', aggregateId: '1' },
        expectedVersion: 'ANY',
        events: [event, event],
      },
    ],
  });
  head = appended.lastPosition;
});
afterAll(async () => {
  connection.close();
  await service.kill('SIGTERM');
  const database = openDatabase();
  await database.query('append', `DROP SCHEMA IF EXISTS "${namespace}" CASCADE`, []);
  await database.close();
});
beforeEach(() => {
  tests += 1;
  name = `balances ${tests}`;
});

const run = (...args: readonly string[]) => headwater(['projection', ...args, '--address', service.address]);
const jsonOf = (text: string) => JSON.parse(text) as Record<string, unknown>;

async function leased(request: Partial<AcquireRequest> = {}): Promise<ProjectionLease> {
  const { leases } = await connection.projections.acquire({
    name,
    kind: 'STATE',
    definitionVersion: 1,
    runner: 'host 7',
    runnerId: 'one',
    ...request,
  });
  const lease = leases.at(-1);
  if (lease === undefined) throw new Error('No lease');
  return lease;
}

/** Renews the lease for as long as the test lasts: each run of the command line takes its time. */
function kept(lease: ProjectionLease): ProjectionLease {
  const renewing = setInterval(() => {
    connection.projections.report(lease, {}).catch(() => undefined);
  }, 1000);
  onTestFinished(() => clearInterval(renewing));
  return lease;
}

/** Until the command line has come so far as to have generation n built. */
async function untilBuilding(generation: bigint): Promise<void> {
  const building = async () => (await connection.projections.get(name)).building?.generation;
  await expect.poll(building, { timeout: 60_000 }).toBe(generation);
}

describe('headwater projection list and get', () => {
  it('tell how projections are doing', async () => {
    const lease = kept(await leased());
    await connection.projections.save(lease, { position: { position: 1n, epoch: 1n } });
    await connection.projections.report(lease, { metrics: { events: 1 } });
    const { stdout } = await run('list');
    const row = stdout.split('\n').find((line) => line.startsWith(name));
    expect(row).toMatch(new RegExp(`^${name} +state +running +1 +${head - 1n} +host 7$`));
    const shown = await run('get', name);
    expect(shown.stdout).toMatch(/^position +1@1\nlag +1\nrunner +host 7 \(fence \d+\)$/m);
    expect(shown.stdout).toMatch(/^counts +events 1$/m);
    const json = jsonOf((await run('get', name, '--json')).stdout);
    expect(json).toMatchObject({
      name,
      kind: 'STATE',
      status: 'RUNNING',
      head: String(head),
      failed_aggregates: '0',
      live: { generation: '1', definition_version: 1, position: '1', epoch: '1', lag: '1', runner: 'host 7' },
    });
  });

  it('show what went wrong', async () => {
    const lease = await leased();
    await connection.projections.report(lease, {
      failed: true,
      failure: {
        position: 2n,
        stream: { aggregateType: 'Account', aggregateId: '1' },
        error: 'No such account',
        attempts: 3,
        failedAt: 1_700_000_000_000_000n,
        retryAt: undefined,
      },
    });
    const { stdout } = await run('get', name);
    expect(stdout).toMatch(/^status +failed$/m);
    expect(stdout).toMatch(/^failure +No such account \(at 2 of Account\/1, tried 3 times\)$/m);
  });

  it('watch until there was enough', async () => {
    await leased();
    const { stdout } = await run('get', name, '--watch', '--count', '2');
    expect(stdout.trim().split('\n')).toHaveLength(3);
  });

  it('end with 4 where there is none', async () => {
    const { code, stderr } = await run('get', 'nobody');
    expect({ code, stderr }).toEqual({
      code: 4,
      stderr: expect.stringContaining('Projection nobody does not exist') as string,
    });
  });
});

describe('headwater projection pause, resume, stop', () => {
  it('say what is wanted', async () => {
    const lease = await leased();
    expect((await run('pause', name)).stdout).toBe(`Projection ${name} will pause within seconds\n`);
    expect((await connection.projections.report(lease, {})).wish).toBe('PAUSE');
    expect(jsonOf((await run('stop', name, '--json')).stdout)).toMatchObject({ status: 'STOPPED' });
    expect((await run('resume', name)).stdout).toBe(`Projection ${name} goes on\n`);
    expect((await connection.projections.report(lease, {})).wish).toBe('RUN');
  });
});

describe('headwater projection reset and delete', () => {
  it('want to be confirmed', async () => {
    const lease = await leased();
    const { code, stderr } = await run('reset', name);
    expect({ code, told: stderr.includes('add --yes') }).toEqual({ code: 6, told: true });
    expect((await run('reset', name, '--yes')).stdout).toBe(`Projection ${name} begins anew\n`);
    expect((await connection.projections.report(lease, {})).resetWanted > 0n).toBe(true);
    expect((await run('delete', name, '--yes', '--json')).stdout).toBe(
      `${JSON.stringify({ name, deleted: true })}\n`,
    );
    await expect(connection.projections.get(name)).rejects.toMatchObject({ reason: 'PROJECTION_NOT_FOUND' });
  });

  it('wait for a runner, unless what it has is to be forgotten', async () => {
    await leased({ kind: 'READ_MODEL' });
    expect((await run('delete', name, '--yes')).stdout).toContain('as soon as a runner');
    expect((await connection.projections.get(name)).status).toBe('DELETING');
    const { code, stderr } = await run('pause', name);
    expect([code, stderr.includes('is being deleted')]).toEqual([3, true]);
    expect((await run('delete', name, '--forget', '--yes')).stdout).toBe(`Projection ${name} is deleted\n`);
  });
});

describe('headwater projection rebuild and finish', () => {
  it('wait until it is swapped in', async () => {
    await leased();
    const rebuilding = run('rebuild', name, '--wait');
    await untilBuilding(2n);
    const built = await leased();
    await connection.projections.save(built, { position: { position: head } });
    await connection.projections.promote(built);
    const { code, stdout } = await rebuilding;
    expect([code, stdout]).toEqual([0, `Projection ${name} is built anew, and generation 2 is live\n`]);
  });

  it('wait for somebody to look, who swaps it in or throws it away', async () => {
    await leased();
    const rebuilding = run('rebuild', name, '--wait', '--wait-with-swap');
    await untilBuilding(2n);
    const built = await leased();
    await connection.projections.save(built, { position: { position: head } });
    expect((await rebuilding).stdout).toContain('generation 2 waits to be swapped in');
    expect((await connection.projections.report(built, { comparison: 'one' })).swap).toBe(false);
    expect((await run('get', name)).stdout).toMatch(/^differs +one$/m);
    expect((await run('finish', name)).stdout).toContain('is swapped as soon as');
    expect((await connection.projections.report(built, {})).swap).toBe(true);
    expect((await run('finish', name, '--discard')).stdout).toContain('thrown away');
  });

  it('end when it was thrown away before the answer was made', async () => {
    await leased();
    const database = openDatabase();
    const ask = (text: string) => database.query('append', text, []);
    const table = `"${namespace}".projection_generations`;
    await ask(
      `CREATE FUNCTION "${namespace}".discard() RETURNS trigger LANGUAGE plpgsql AS ` +
        `'BEGIN DELETE FROM ${table} WHERE name = NEW.name AND NOT live; RETURN NULL; END'`,
    );
    await ask(
      `CREATE TRIGGER discard AFTER INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION "${namespace}".discard()`,
    );
    try {
      const { code, stderr, stdout } = await run('rebuild', name, '--wait');
      expect([code, stdout]).toEqual([3, '']);
      expect(stderr).toContain('was thrown away');
    } finally {
      await ask(`DROP FUNCTION "${namespace}".discard() CASCADE`);
      await database.close();
    }
  });

  it('end when it is thrown away, or nobody waits any more', async () => {
    await leased();
    const rebuilding = run('rebuild', name, '--wait');
    await untilBuilding(2n);
    await connection.projections.finishRebuild({ name, discard: true });
    expect(await rebuilding).toMatchObject({ code: 3, stdout: '' });

    const child = spawnHeadwater(['projection', 'rebuild', name, '--wait', '--address', service.address]);
    onTestFinished(() => void child.kill('SIGKILL'));
    let told = '';
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (told += chunk));
    await untilBuilding(3n);
    child.kill('SIGINT');
    const [code] = (await once(child, 'close')) as [number | null];
    expect(code).toBe(130);
    expect(told).toContain('goes on without this command');
    expect((await connection.projections.get(name)).building?.generation).toBe(3n);
  });
});

describe('headwater projection failed and retry', () => {
  it('list the aggregates that failed, and have them tried again', async () => {
    const lease = await leased({ kind: 'AGGREGATES' });
    const stream = { aggregateType: 'Account', aggregateId: '1' };
    const failure = {
      position: 2n,
      stream,
      error: 'No such account',
      attempts: 3,
      failedAt: 1_700_000_000_000_000n,
      retryAt: undefined,
    };
    const progress = { stream, version: 1n, state: new Uint8Array(), failure };
    await connection.projections.save(lease, { position: { position: 2n }, aggregates: [progress] });
    expect((await run('failed', name)).stdout).toMatch(/^2 +Account\/1 +3 +2023-11-14 .* No such account$/m);
    expect(jsonOf((await run('failed', name, '--json')).stdout)).toEqual({
      position: '2',
      stream: { aggregate_type: 'Account', aggregate_id: '1' },
      error: 'No such account',
      attempts: 3,
      failed_at: '2023-11-14T22:13:20.000000Z',
    });
    expect((await run('retry', name, '--json')).stdout).toBe('{"aggregates":"1"}\n');
    expect((await connection.projections.report(lease, {})).aggregatesChanged).toBe(true);
  });
});

describe('headwater projection wait', () => {
  it('ends when it has come so far, and with 5 when it has not in time', async () => {
    const lease = await leased();
    const late = await run('wait', name, '--timeout', '1s');
    expect([late.code, late.stderr.includes('POSITION_NOT_REACHED')]).toEqual([5, true]);
    const waiting = run('wait', name, '--position', `${head}@1`, '--timeout', '30s');
    await connection.projections.save(lease, { position: { position: head, epoch: 1n } });
    expect((await waiting).stdout).toBe(`Projection ${name} is at position ${head}\n`);
  });
});
