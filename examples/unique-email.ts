// Two people want one e-mail address at the same moment, from two streams, and one of them gets it: no table of addresses,
// no lock. Needs a running service.
//   npm start, then in another terminal: npx vitest run test/examples/unique-email.test.ts (which starts a service of its own),
//   or compile it into your own project and call uniqueEmail('127.0.0.1:50051', console.log)
import { AppendConditionFailedError, type Connection, connect, eventsOf } from '../src/index.js';

async function register(
  { eventStore }: Connection,
  user: string,
  email: string,
): Promise<'REGISTERED' | 'TAKEN'> {
  const claim = { eventTypes: ['UserRegistered'], tags: [`email:${email.toLowerCase()}`] };
  // Read what the decision depends on, and remember up to where.
  let scanned = 0n;
  let epoch = 0n;
  for await (const page of eventStore.load({ filters: [claim] })) {
    if (page.events.length > 0) return 'TAKEN';
    scanned = page.scannedTo;
    epoch = page.epoch;
  }
  try {
    await eventStore.append({
      streams: [
        {
          stream: { aggregateType: 'User', aggregateId: user },
          expectedVersion: 'NO_STREAM',
          events: [
            {
              eventType: 'UserRegistered',
              data: Buffer.from(JSON.stringify({ email })),
              contentType: 'application/json',
              tags: claim.tags,
            },
          ],
        },
      ],
      // Holds if nothing of that kind has come since.
      condition: { items: [claim], after: { position: scanned, epoch } },
    });
    return 'REGISTERED';
  } catch (error) {
    if (error instanceof AppendConditionFailedError) return 'TAKEN';
    throw error;
  }
}

export async function uniqueEmail(address: string, print: (line: string) => void): Promise<void> {
  const connection = connect({ address });
  const email = `Ada-${crypto.randomUUID()}@example.org`;
  const outcomes = await Promise.all(
    ['one', 'two', 'three'].map((name) => register(connection, `${name}-${crypto.randomUUID()}`, email)),
  );
  print(outcomes.toSorted().join(' '));
  for await (const event of eventsOf(
    connection.eventStore.load({ filters: [{ tags: [`email:${email.toLowerCase()}`] }] }),
  ))
    print(`${event.eventType} at version ${event.version}`);
  connection.close();
}
