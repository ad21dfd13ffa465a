// A program that runs a read model of all deposits, and does not get over one of them if it is told so. Plain JavaScript,
// since it runs as a process of its own that can be killed; takes what is built.
//
//   node counting.js '{"address":"127.0.0.1:1","database":{},"schema":"counts","checkpointSchema":"checkpoints","runner":"one","hangsAt":150}'
import pg from 'pg';
import { connect, defineReadModel, runProjection, systemRuntime } from '../../dist/src/index.js';

const { address, database, schema, checkpointSchema, runner, hangsAt } = JSON.parse(process.argv[2]);
const { eventStore, projections } = connect({ address });
const pool = new pg.Pool(database);
pool.on('error', () => undefined);

const counts = defineReadModel({
  name: 'counts',
  schema,
  init: async (client) => {
    await client.query('CREATE TABLE counted (position bigint PRIMARY KEY, runner text NOT NULL)');
    await client.query('CREATE TABLE total (count bigint NOT NULL)');
    await client.query('INSERT INTO total VALUES (0)');
  },
  on: {
    Deposited: async (client, { position }) => {
      await client.query('INSERT INTO counted VALUES ($1, $2)', [String(position), runner]);
      await client.query('UPDATE total SET count = count + 1');
      if (Number(position) === hangsAt) await new Promise(() => console.log('hangs'));
    },
  },
});

runProjection({ eventStore, projections, runtime: systemRuntime }, counts.work(pool, { checkpointSchema }), {
  runner,
  batchEvents: 20,
});
