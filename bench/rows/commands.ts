import { connect } from '../../src/client/connect.js';
import type { CommandBus } from '../../src/core/command.js';
import { systemRuntime } from '../../src/system.js';
import { startChild } from '../child.js';
import { COLD_EVENTS, makeColdAccounts } from '../cold-accounts.js';
import { account, keptAccount } from '../command-domain.js';
import { keepInFlight } from '../in-flight.js';
import type { Latency } from '../latency.js';
import { takeTurns, type Turn } from '../rounds.js';
import { compare, type Measurement, type Row } from '../row.js';
import { nextPayload, walks } from '../workload.js';

const IN_FLIGHT = 256;
/** With a snapshot a command is quick: of fewer, a turn would be over before so many are in flight, and tell a latency. */
const KEPT_TIMES = 12;
/** Of a turn that is long enough, one in so many at its beginning does not count, as in the turns of appends. */
const LEADING = 4;

/** Commands of one event each through CommandService, beside appends of the same events by the same client. */
export const commands: Measurement = {
  id: 'S6',
  about: 'commands on hot and cold aggregates, decided in the service and by a worker, beside appends',
  quick: true,
  async measure({ composedService, service, meter }, { coldCommands, rounds, turnMilliseconds }) {
    const connection = connect({ address: service.address });
    const composed = connect({ address: composedService.address });
    const worker = await startChild('./worker-process.js', {
      input: { address: service.address },
      cwd: process.cwd(),
    });
    try {
      const bus = connection.commands;
      const count = coldCommands * (rounds + 1);
      const kept = await makeColdAccounts(connection, {
        aggregateType: keptAccount.type,
        count: KEPT_TIMES * count,
        snapshots: true,
      });
      const bare = await makeColdAccounts(connection, {
        aggregateType: account.type,
        count,
        snapshots: false,
      });
      const appends = walks(IN_FLIGHT);
      const cold = [
        new ColdTurns(bus, 'DepositKept', kept, KEPT_TIMES * coldCommands),
        new ColdTurns(bus, 'Deposit', bare, coldCommands),
        new ColdTurns(bus, 'DepositKeptByWorker', kept, KEPT_TIMES * coldCommands),
        new ColdTurns(bus, 'DepositByWorker', bare, coldCommands),
      ];
      // Those that are compared come one behind the other, so that what the disk and the machine do then hits both.
      const results = await takeTurns({ rounds, meter: meter.with({ clients: [worker.pid] }) }, [
        hotTurn(bus, 'Deposit', turnMilliseconds),
        () =>
          keepInFlight(appends, turnMilliseconds, async (walk) => {
            await connection.eventStore.append(walk.request());
            return 1;
          }),
        {
          meter: meter.with({ service: composedService.pid }),
          take: hotTurn(composed.commands, 'Deposit', turnMilliseconds),
        },
        hotTurn(bus, 'DepositByWorker', turnMilliseconds),
        ...cold.map((turns) => (latency: Latency) => turns.next(latency)),
      ]);
      const appended = `pipelined appends of one event, ${IN_FLIGHT} in flight, as in S1`;
      const together =
        'grpc-js and COPY together, two rows a command, nothing decided, without any guarantee';
      const hot = {
        id: 'S6',
        what: `hot aggregates, decided in the service, ${IN_FLIGHT} in flight`,
        unit: 'commands/s',
      } as const;
      const row = (ours: number, what: string, more: Pick<Row, 'target'> = {}) =>
        compare(
          results,
          { ours, floor: 1 },
          { id: 'S6', what, unit: 'commands/s', floor: appended, ...more },
        );
      const coldOnes = `aggregates of ${COLD_EVENTS} events`;
      return [
        row(0, hot.what, { target: 0.6 }),
        compare(results, { ours: 0, floor: 2 }, { ...hot, floor: together }),
        compare(
          results,
          { ours: 2, floor: 1 },
          { id: 'S6', unit: 'commands/s', what: together, floor: appended, betweenFloors: true },
        ),
        row(3, 'hot aggregates, decided by a worker'),
        row(4, `cold ${coldOnes} with a snapshot, in the service`, { target: 0.3 }),
        row(5, `cold ${coldOnes} without, in the service`),
        row(6, `cold ${coldOnes} with a snapshot, by a worker`),
        row(7, `cold ${coldOnes} without, by a worker`),
      ];
    } finally {
      connection.close();
      composed.close();
      await worker.stop();
    }
  },
};

/** Each sender has an account of its own, whose state is known after the first command. */
function hotTurn(bus: CommandBus, commandType: string, milliseconds: number): Turn {
  const accounts = Array.from({ length: IN_FLIGHT }, () => systemRuntime.newEventId());
  return (latency) =>
    keepInFlight(accounts, milliseconds, async (aggregateId) => {
      await latency.of(() => execute(bus, commandType, aggregateId));
      return 1;
    });
}

/** Each account is asked once; commands a second of as many as have a turn, from when a part of them is done. */
class ColdTurns {
  readonly #bus: CommandBus;
  readonly #commandType: string;
  readonly #accounts: string[];
  readonly #commands: number;

  constructor(bus: CommandBus, commandType: string, accounts: readonly string[], commandsOfTurn: number) {
    this.#bus = bus;
    this.#commandType = commandType;
    this.#accounts = [...accounts];
    this.#commands = commandsOfTurn;
  }

  async next(latency: Latency): Promise<number> {
    const accounts = this.#accounts.splice(0, this.#commands);
    const leadIn = accounts.length < LEADING * IN_FLIGHT ? 0 : Math.floor(accounts.length / LEADING);
    let done = 0;
    let began = performance.now();
    const send = async () => {
      for (let id = accounts.pop(); id !== undefined; id = accounts.pop()) {
        await latency.of(() => execute(this.#bus, this.#commandType, id));
        done += 1;
        if (done === leadIn) began = performance.now();
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, send));
    return ((done - leadIn) * 1000) / (performance.now() - began);
  }
}

async function execute(bus: CommandBus, commandType: string, aggregateId: string): Promise<void> {
  const { data, metadata } = nextPayload();
  await bus.execute({
    commandId: systemRuntime.newEventId(),
    commandType,
    aggregateId,
    data: { kind: 'JSON', bytes: data },
    metadata,
  });
}
