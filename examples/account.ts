// Appends to a stream, reads it back, follows the log, and meets a conflict. Needs a running service.
//   npm start, then in another terminal: npx vitest run test/examples, or compile it into your own project
import { connect, eventsOf, WrongExpectedVersionError } from '../src/index.js';

export async function account(address: string, print: (line: string) => void): Promise<void> {
  const { eventStore, close } = connect({ address });
  const stream = { aggregateType: 'Account', aggregateId: crypto.randomUUID() };
  const json = (eventType: string, data: object) => ({
    eventType,
    data: Buffer.from(JSON.stringify(data)),
    contentType: 'application/json',
  });

  // One atomic append; NO_STREAM makes sure that we are the first.
  const opened = await eventStore.append({
    streams: [
      {
        stream,
        expectedVersion: 'NO_STREAM',
        events: [json('AccountOpened', { owner: 'ada' }), json('Deposited', { amount: 100 })],
      },
    ],
  });
  print(`at version ${opened.versions[0]?.version}`);

  // The state is a fold over the events of the stream.
  let balance = 0;
  for await (const event of eventsOf(eventStore.load({ scope: { kind: 'STREAM', stream } })))
    if (event.eventType === 'Deposited')
      balance += (JSON.parse(Buffer.from(event.data).toString()) as { amount: number }).amount;
  print(`balance ${balance}`);

  // Who decides on an old version is told so, and by how much.
  try {
    await eventStore.append({
      streams: [{ stream, expectedVersion: 1n, events: [json('Deposited', { amount: 5 })] }],
    });
  } catch (error) {
    if (!(error instanceof WrongExpectedVersionError)) throw error;
    print(`refused: ${error.message.replace(stream.aggregateId, 'id')}`);
  }

  // Follow from where we appended: what is there first, then live, until we leave.
  const after = { position: opened.firstPosition - 1n, epoch: opened.epoch };
  for await (const { events, scannedTo } of eventStore.subscribe({
    scope: { kind: 'STREAM', stream },
    start: { kind: 'AFTER', after },
  })) {
    for (const event of events) print(`${event.eventType} at version ${event.version}`);
    if (scannedTo >= opened.lastPosition) break;
  }
  close();
}
