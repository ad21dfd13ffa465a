// A row of one's own and the events that tell of it commit together, from TypeScript with pg. Needs a database with a log
// in the schema "headwater" and the table of transfers.sql.
import { randomUUID } from 'node:crypto';
import pg from 'pg';

/** All of it, or nothing: COMMIT may fail, and then neither the row nor the events are there. */
async function transfer(
  client: pg.Client,
  { giver, taker, amount }: { giver: string; taker: string; amount: number },
  meanwhile: () => Promise<unknown> = () => Promise.resolve(),
): Promise<void> {
  const id = randomUUID();
  const event = (eventType: string) =>
    JSON.stringify([
      { event_id: randomUUID(), event_type: eventType, data: { amount }, metadata: { transfer: id } },
    ]);
  await client.query('BEGIN');
  try {
    const { version, balance } = await stateOf(client, giver);
    if (balance < amount) throw new RangeError(`${giver} has only ${balance}`);
    await client.query('INSERT INTO transfers VALUES ($1, $2, $3, $4)', [id, giver, taker, amount]);
    await client.query("SELECT headwater.append('Account', $1, $2, $3)", [
      giver,
      version,
      event('Withdrawn'),
    ]);
    await client.query("SELECT headwater.append('Account', $1, 'ANY', $2)", [taker, event('Deposited')]);
    await meanwhile();
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

/** The version of an account, and what is on it; the transaction's own pending events count. */
async function stateOf(client: pg.Client, account: string): Promise<{ version: string; balance: number }> {
  const { rows } = await client.query<{ version: string; event_type: string; data: { amount: number } }>(
    "SELECT version, event_type, data FROM headwater.load('Account', $1)",
    [account],
  );
  return rows.reduce(
    ({ balance }, { version, event_type, data }) => ({
      version,
      balance: balance + (event_type === 'Deposited' ? data.amount : -data.amount),
    }),
    { version: '0', balance: 0 },
  );
}

export async function transfers(url: string, print: (line: string) => void): Promise<void> {
  const client = new pg.Client(url);
  const other = new pg.Client(url);
  await client.connect();
  await other.connect();
  await client.query(
    `SELECT headwater.append('Account', 'ada', 'NO_STREAM', '[{"event_type": "Deposited", "data": {"amount": 100}}]')`,
  );

  await transfer(client, { giver: 'ada', taker: 'bob', amount: 10 });
  print(`ada has ${(await stateOf(client, 'ada')).balance}`);

  // Somebody else withdraws while our transaction is open; they do not wait for us.
  try {
    await transfer(client, { giver: 'ada', taker: 'bob', amount: 20 }, () =>
      transfer(other, { giver: 'ada', taker: 'eve', amount: 80 }),
    );
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    const { reason, expected, actual } = JSON.parse(error.detail ?? '{}') as Record<string, string>;
    print(`${error.code} ${reason} expected ${expected} actual ${actual}`);
  }

  print(`ada has ${(await stateOf(client, 'ada')).balance}`);
  print(`transfers ${(await client.query('SELECT FROM transfers')).rowCount}`);
  await client.end();
  await other.end();
}
