import pg from 'pg';
import type { FollowedEvent, FollowersOutcome } from './followers-history.js';

/** Reads what is there in the end as a person would, by SQL on a fresh connection. */
export async function readFollowersOutcome(
  connection: pg.ClientConfig,
  left: Readonly<Record<string, number>>,
): Promise<FollowersOutcome> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    return {
      log: await readFollowedLog(client),
      effects: (await client.query<{ position: string }>('SELECT position FROM effects')).rows.map(
        ({ position }) => Number(position),
      ),
      balances: await balancesOf(client),
      totals: await totalsOf(client),
      standings: await standingsOf(client),
      left,
    };
  } finally {
    await client.end();
  }
}

async function readFollowedLog(client: pg.Client): Promise<readonly FollowedEvent[]> {
  const { rows } = await client.query<{
    position: string;
    stream: string;
    version: string;
    event_id: string;
    event_type: string;
    amount: string;
    cause: string | null;
  }>(
    `SELECT position, aggregate_type || '/' || aggregate_id AS stream, version, event_id, event_type,
            convert_from(data, 'UTF8')::json ->> 'amount' AS amount, metadata ->> 'causation_id' AS cause
       FROM headwater.events ORDER BY position`,
  );
  return rows.map(({ amount, cause, event_id, event_type, position, stream, version }) => ({
    position: Number(position),
    stream,
    version: Number(version),
    eventId: event_id,
    eventType: event_type,
    amount: Number(amount),
    causationId: cause ?? '',
  }));
}

async function balancesOf(client: pg.Client): Promise<FollowersOutcome['balances']> {
  const { rows } = await client.query<{ account: string; amount: string; events: string }>(
    'SELECT account, amount, events FROM accounts.balance',
  );
  return new Map(
    rows.map(({ account, amount, events }) => [account, { amount: Number(amount), events: Number(events) }]),
  );
}

async function totalsOf(client: pg.Client): Promise<FollowersOutcome['totals']> {
  const { rows } = await client.query<{ state: Buffer }>(
    "SELECT state FROM headwater.projection_generations WHERE name = 'totals' AND live",
  );
  return JSON.parse(String(rows[0]?.state)) as FollowersOutcome['totals'];
}

async function standingsOf(client: pg.Client): Promise<FollowersOutcome['standings']> {
  const { rows } = await client.query<{ aggregate_id: string; version: string; state: Buffer }>(
    "SELECT aggregate_id, version, state FROM headwater.projection_aggregates WHERE name = 'standings'",
  );
  return new Map(
    rows.map(({ aggregate_id, state, version }) => [
      aggregate_id,
      { ...(JSON.parse(String(state)) as { amount: number; events: number }), version: Number(version) },
    ]),
  );
}

/** Of which nothing should be left when those who had it have stopped. */
const LEFT: Readonly<Record<string, string>> = {
  members: 'SELECT count(*) FROM headwater.group_members',
  'slots of members': 'SELECT count(*) FROM headwater.group_slots WHERE member IS NOT NULL',
  leases:
    "SELECT count(*) FROM headwater.projection_generations WHERE leased_until > clock_timestamp() AND runner_id <> ''",
  'advisory locks': "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'",
  'open transactions': `SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid()
     AND backend_type = 'client backend' AND xact_start < clock_timestamp() - interval '2 s'`,
};

/** What is left; asked again until it is nothing or the time is over. */
export async function readLeft(
  connection: pg.ClientConfig,
  patienceMs: number,
): Promise<Readonly<Record<string, number>>> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const left: Record<string, number> = {};
      for (const [what, sql] of Object.entries(LEFT))
        left[what] = Number((await client.query<{ count: string }>(sql)).rows[0]?.count);
      const none = Object.values(left).every((count) => count === 0);
      if (none || performance.now() > deadline) return left;
      await new Promise((go) => setTimeout(go, 200));
    }
  } finally {
    await client.end();
  }
}
