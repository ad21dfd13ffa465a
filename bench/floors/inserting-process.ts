import { connected } from '../connected.js';
import { keepInFlight } from '../in-flight.js';
import { serveChild } from '../serve-child.js';
import { StreamWalk } from '../workload.js';
import { insertRow } from './insert.js';

// Clients that insert, in a process of their own: as far from our client as another application is.

const { clients, databaseUrl, floorSchema } = JSON.parse(process.argv[2] ?? '{}') as {
  readonly clients: number;
  readonly databaseUrl: string;
  /** Nobody else writes to it: positions are counted in this process. */
  readonly floorSchema: string;
};
const inserting = await Promise.all(
  Array.from({ length: clients }, async () => ({
    client: await connected(databaseUrl),
    walk: new StreamWalk(),
  })),
);
serveChild(
  '',
  () => Promise.all(inserting.map(({ client }) => client.end())),
  (milliseconds) =>
    keepInFlight(inserting, Number(milliseconds), ({ client, walk }) => insertRow(client, floorSchema, walk)),
);
