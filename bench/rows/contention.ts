import { type Connection, connect } from '../../src/client/connect.js';
import type { StreamId } from '../../src/core/stream.js';
import { keepInFlight, leadInOf } from '../in-flight.js';
import { Latency } from '../latency.js';
import { type Done, Rounds, takeTurns } from '../rounds.js';
import { compare, type Measurement } from '../row.js';
import { appendTo, newStream } from '../workload.js';

const WRITERS = 64;
/** Shorter, each would win so seldom that nothing is known about the least lucky. */
const LEAST_MILLISECONDS = 500;

/**
 * Writers that all want the next version of one stream: each expects the version that it last saw, and when it is refused
 * goes on from the one that the refusal tells. Of all that are under way only one can win, so what they get done together is
 * at most what one writer gets done alone that waits for each answer. That is the floor. A pipeline of appends without
 * expected versions is beside it, which is another kind of work: it needs no answer to send the next.
 */
export const contention: Measurement = {
  id: 'S8',
  about: 'writers who contend for one stream, beside one alone; what the least lucky gets',
  async measure({ service, meter }, { rounds, turnMilliseconds }) {
    const milliseconds = Math.max(turnMilliseconds, LEAST_MILLISECONDS);
    const connections: Connection[] = [];
    const open = () => {
      const connection = connect({ address: service.address });
      connections.push(connection);
      return connection;
    };
    try {
      const shared = open();
      const apart = new Contenders(Array.from({ length: WRITERS }, open));
      const together = new Contenders(Array.from({ length: WRITERS }, () => shared));
      const alone = new Contenders([open()]);
      const pipelined = newStream();
      const results = await takeTurns({ rounds, meter }, [
        (latency) => apart.contend(milliseconds, latency),
        (latency) => together.contend(milliseconds, latency),
        (latency) => alone.contend(milliseconds, latency),
        () =>
          keepInFlight(Array.from({ length: WRITERS }), turnMilliseconds, async () => {
            await shared.eventStore.append(appendTo(pipelined, 'ANY'));
            return 1;
          }),
      ]);
      const floor = 'one writer alone that expects exact versions';
      return [
        {
          contenders: apart,
          what: `${WRITERS} writers expect exact versions of one stream, a connection each`,
        },
        {
          contenders: together,
          what: `${WRITERS} writers expect exact versions of one stream, over one connection`,
        },
      ].flatMap(({ contenders, what }, ours) => [
        compare(results, { ours, floor: 2 }, { id: 'S8', what, unit: 'events/s', floor, target: 0.8 }),
        compare(
          contenders.shares,
          { ours: 0, floor: 1 },
          {
            id: 'S8',
            what: `${what}: what the least lucky gets`,
            unit: 'events/s',
            floor: 'what each would get if all got the same',
            target: 0.2,
          },
        ),
        compare(
          results,
          { ours, floor: 3 },
          {
            id: 'S8',
            what,
            unit: 'events/s',
            floor: `appends without expected versions, ${WRITERS} in flight`,
          },
        ),
      ]);
    } finally {
      for (const connection of connections) connection.close();
    }
  },
};

interface Contender {
  readonly connection: Connection;
  version: bigint;
  won: number;
}

/** Writers on one stream, and how often each has won. */
class Contenders {
  readonly #stream: StreamId = newStream();
  readonly #writers: readonly Contender[];
  #milliseconds = 0;

  constructor(connections: readonly Connection[]) {
    this.#writers = connections.map((connection) => ({ connection, version: 0n, won: 0 }));
  }

  /**
   * What all have appended a second, while they contend: at the beginning all are late at once, and when the time is over they
   * leave one by one, each whose turn it is, and that takes some tenths of a second in which nobody wants to win.
   */
  async contend(milliseconds: number, latency: Latency): Promise<Done> {
    const leadIn = leadInOf(milliseconds);
    this.#milliseconds += leadIn + milliseconds;
    const began = performance.now() + leadIn;
    const until = began + milliseconds;
    let inTime = 0;
    let work = 0;
    const contending = async (writer: Contender): Promise<number> => {
      const { eventStore } = writer.connection;
      const request = appendTo(this.#stream, writer.version === 0n ? 'NO_STREAM' : writer.version);
      const outcome = await latency.of(() => eventStore.append({ ...request, onConflict: 'RETURN' }));
      if (outcome.outcome === 'REFUSED') {
        writer.version = outcome.conflicts[0]?.actual ?? 0n;
        return 0;
      }
      writer.version += 1n;
      writer.won += 1;
      work += 1;
      const now = performance.now();
      if (now >= began && now < until) inTime += 1;
      return 1;
    };
    await keepInFlight(this.#writers, leadIn + milliseconds, contending, 0);
    return { value: (inTime * 1000) / milliseconds, work };
  }

  /** What the least lucky has won a second over the whole run, and what all have on average. */
  get shares(): Rounds {
    const rates = this.#writers.map(({ won }) => (won * 1000) / this.#milliseconds);
    const column = (value: number) => ({
      values: [value],
      work: undefined,
      usages: [],
      latency: new Latency(),
    });
    return new Rounds([
      column(Math.min(...rates)),
      column(rates.reduce((sum, rate) => sum + rate, 0) / rates.length),
    ]);
  }
}
