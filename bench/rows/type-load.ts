import { connect } from '../../src/client/connect.js';
import { copyType } from '../floors/copy-out.js';
import { GROWN } from '../grow-log.js';
import { growStage } from '../grow-stage.js';
import { takeTurns } from '../rounds.js';
import { compare, type Measurement } from '../row.js';

/** Load of all events of one aggregate type among others, as a projection catches up. */
export const typeLoad: Measurement = {
  id: 'type-load',
  about: 'Load of one aggregate type among others, beside COPY of the same rows',
  long: true,
  async measure(stage, { rounds, grownEvents }) {
    await growStage(stage, grownEvents);
    const { service, postgres, schema, meter } = stage;
    const connection = connect({ address: service.address });
    const client = await postgres.connect();
    const [, aggregateType] = GROWN.aggregateTypes;
    const perSecond = async (read: () => Promise<number>) => {
      const began = performance.now();
      const events = await read();
      return (events * 1000) / (performance.now() - began);
    };
    try {
      const results = await takeTurns({ rounds, meter }, [
        () =>
          perSecond(async () => {
            let events = 0;
            const scope = { kind: 'AGGREGATE_TYPES', aggregateTypes: [aggregateType] } as const;
            for await (const page of connection.eventStore.load({ scope })) events += page.events.length;
            return events;
          }),
        () => perSecond(() => copyType(client, schema, aggregateType)),
      ]);
      return [
        compare(
          results,
          { ours: 0, floor: 1 },
          {
            id: 'type-load',
            what: 'Load of one aggregate type, a quarter of the log, decoded by the TypeScript client',
            unit: 'events/s',
            floor: 'binary COPY out of the same rows, thrown away',
          },
        ),
      ];
    } finally {
      connection.close();
      await client.end();
    }
  },
};
