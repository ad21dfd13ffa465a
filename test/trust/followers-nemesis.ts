import pg from 'pg';
import type { CrashableBroker } from '../support/broker-process.js';
import type { CrashablePostgres } from '../support/crashable-postgres.js';
import type { Crew } from './followers-crew.js';
import type { FollowerFault } from './followers-history.js';
import { type FollowerProcess, machineTime } from './followers-process.js';
import type { FollowedServices } from './followers-services.js';
import type { Random } from './random.js';

export interface FollowersNemesisParts {
  readonly random: Random;
  readonly crew: Crew;
  readonly services: FollowedServices;
  readonly postgres: CrashablePostgres;
  readonly rabbit: CrashableBroker;
  readonly nats: CrashableBroker;
}

type Blow = () => Promise<void>;

/** Leases last six seconds. */
const STALL_MS = 8000;
const PAUSE_MS = 2400;

/** Does each fault as often as is said here, in an order of chance. */
export class FollowersNemesis {
  readonly faults: FollowerFault[] = [];
  readonly #parts: FollowersNemesisParts;
  readonly #later: Promise<void>[] = [];
  #broker = Promise.resolve();

  constructor(parts: FollowersNemesisParts) {
    this.#parts = parts;
  }

  /** @param halfway called between the faults of the first half and those of the second */
  async run(halfway: () => Promise<void>): Promise<void> {
    const { crew, random } = this.#parts;
    // Every process once, and every one that has a lease stands still for longer than that, one of each kind.
    const kills = crew.mortal.map((one) => () => this.#kill(one));
    const frozen = [...new Set(crew.leased.map(({ role }) => role))].map(
      (role) => () => this.#stall(random.of(crew.leased.filter((one) => one.role === role))),
    );
    const rest: Blow[] = [
      ...[0, 1, 0, 1].map((slot) => () => this.#killService(slot)),
      ...Array.from({ length: 4 }, () => () => this.#killPostgres()),
      ...Array.from({ length: 4 }, () => () => this.#terminateBackends()),
      () => this.#killBroker('RabbitMQ', this.#parts.rabbit),
      () => this.#killBroker('RabbitMQ', this.#parts.rabbit),
      () => this.#killBroker('NATS', this.#parts.nats),
      () => this.#killBroker('NATS', this.#parts.nats),
    ];
    const blows = shuffled([...kills, ...frozen, ...rest], random);
    for (const [index, blow] of blows.entries()) {
      if (index === Math.floor(blows.length / 2)) await halfway();
      await blow();
      await pause(random.below(2 * PAUSE_MS));
    }
    await Promise.all(this.#later);
  }

  async #during(kind: string, target: string, work: () => Promise<unknown>): Promise<void> {
    const began = machineTime();
    await work();
    this.faults.push({ kind, target, began, ended: machineTime() });
  }

  /** What is killed is away for a while, and the next fault may find it so. */
  async #kill(one: FollowerProcess): Promise<void> {
    if (!one.runs) return;
    await this.#during('kill -9 of a follower', one.name, () => one.kill());
    this.#later.push(pause(this.#parts.random.below(4000)).then(() => one.start()));
  }

  async #stall(one: FollowerProcess): Promise<void> {
    if (!one.runs) return;
    this.#later.push(this.#during('a follower that stands still', one.name, () => one.stall(STALL_MS)));
  }

  #killService(slot: number): Promise<void> {
    const { random, services } = this.#parts;
    return this.#during('kill -9 of a service', `service ${slot + 1}`, async () => {
      await services.kill(slot);
      await pause(random.below(1500));
      await services.restart(slot);
    });
  }

  #killPostgres(): Promise<void> {
    const { postgres } = this.#parts;
    return this.#during('kill -9 of Postgres', '', async () => {
      await postgres.kill();
      await postgres.restart();
    });
  }

  /** RabbitMQ takes its time to start, in which other things break. */
  async #killBroker(name: string, broker: CrashableBroker): Promise<void> {
    await this.#broker;
    const kind = `kill -9 of ${name}`;
    await this.#during(kind, '', () => broker.kill());
    this.#broker = broker.restart();
    this.#later.push(this.#broker);
    this.#broker.catch(() => undefined);
  }

  /** What a fail-over or a proxy does: sessions end in the middle of a commit, those of the followers' own tables too. */
  #terminateBackends(): Promise<void> {
    return this.#during('loss of all connections to Postgres', '', async () => {
      const client = new pg.Client(this.#parts.postgres.connection);
      client.on('error', () => undefined);
      await client.connect();
      await client.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
      );
      await client.end();
    });
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((go) => setTimeout(go, milliseconds));
}

/** Fisher and Yates. */
function shuffled<T>(items: readonly T[], random: Random): readonly T[] {
  const all = [...items];
  for (let last = all.length - 1; last > 0; last -= 1) {
    const other = random.below(last + 1);
    [all[last], all[other]] = [all[other] as T, all[last] as T];
  }
  return all;
}
