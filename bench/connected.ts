import pg from 'pg';

/** A connection of one's own; whoever asks ends it. */
export async function connected(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  // A statement under way fails by itself; without a listener the event would end the process first.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
