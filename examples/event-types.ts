// Typed payloads, and old events that load in the newest shape. Needs a running service.
import { connect, type DecodedBy, eventsOf, eventTypes, json } from '../src/index.js';

/** As it was written two years ago: version 1 of AccountOpened. */
interface AccountOpenedV1 {
  name: string;
}

export const accountEvents = eventTypes()
  .register('AccountOpened', {
    schemaVersion: 2,
    codec: json<{ owner: string; currency: string }>(),
    upcasters: { 1: ({ name }: AccountOpenedV1) => ({ owner: name, currency: 'EUR' }) },
  })
  .register('Deposited', { codec: json<{ amount: number }>() });

type AccountEvent = DecodedBy<typeof accountEvents>;

/** The payload's type follows from the event's. */
function describe(event: AccountEvent): string {
  // Erased, or one of the store's own events.
  if (event.payload === undefined) return event.eventType;
  switch (event.eventType) {
    case 'AccountOpened':
      return `opened by ${event.payload.owner} in ${event.payload.currency}`;
    case 'Deposited':
      return `deposited ${event.payload.amount}`;
  }
}

export async function typedAccount(address: string, print: (line: string) => void): Promise<void> {
  const { eventStore, close } = connect({ address });
  const stream = { aggregateType: 'Account', aggregateId: crypto.randomUUID() };

  // What an application of two years ago has written …
  const old: AccountOpenedV1 = { name: 'ada' };
  const opened = {
    eventType: 'AccountOpened',
    data: Buffer.from(JSON.stringify(old)),
    contentType: 'application/json',
  };
  await eventStore.append({ streams: [{ stream, expectedVersion: 'NO_STREAM', events: [opened] }] });
  // … and this one adds to. A wrong payload does not compile.
  const deposited = accountEvents.encode('Deposited', { amount: 100 }, { metadata: { actor: 'ada' } });
  await eventStore.append({ streams: [{ stream, expectedVersion: 1n, events: [deposited] }] });

  const pages = eventStore.load({ scope: { kind: 'STREAM', stream } });
  for await (const event of eventsOf(accountEvents.decodeAll(pages)))
    print(`${event.version}: ${describe(event)}`);
  close();
}
