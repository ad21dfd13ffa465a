import { childrenOf, cpuSecondsOf, forgetPeakOf, memoryOf, statOf } from './processes.js';

/** What a turn took of the machine. What could not be seen is left out. */
export interface Usage {
  readonly wallSeconds: number;
  /** CPU seconds. */
  readonly cpu: Readonly<Partial<Record<Party, number>>>;
  /** The most that was resident, in MiB. Of the database it is what was resident when the turn ended. */
  readonly memory: Readonly<Partial<Record<Exclude<Party, 'client'>, number>>>;
}

export type Party = 'client' | 'service' | 'database';

export interface Parties {
  /** The process that is measured. */
  readonly service: number;
  /** The postmaster, where it runs on this machine. */
  readonly postmaster: number | undefined;
  /** Processes that belong to the load generator besides this one. */
  readonly clients?: readonly number[];
}

/**
 * Says what client, service and database each took. Of the database it is all processes of the server, those that have ended
 * meanwhile included; its memory is what each process has of its own, and the shared memory once.
 */
export class Meter {
  readonly #parties: Parties;

  constructor(parties: Parties) {
    this.#parties = parties;
  }

  /** The same for a row that starts processes of its own. */
  with(parties: Partial<Parties>): Meter {
    return new Meter({ ...this.#parties, ...parties });
  }

  /** Begins a turn; the answer ends it. */
  begin(): () => Usage {
    forgetPeakOf(this.#parties.service);
    const before = this.#cpu();
    const began = performance.now();
    return () => {
      const wallSeconds = (performance.now() - began) / 1000;
      const after = this.#cpu();
      const cpu: Partial<Record<Party, number>> = {};
      for (const party of ['client', 'service', 'database'] as const) {
        const [from, to] = [before[party], after[party]];
        if (from !== undefined && to !== undefined) cpu[party] = Math.max(0, to - from);
      }
      return { wallSeconds, cpu, memory: this.#memory() };
    };
  }

  #cpu(): Record<Party, number | undefined> {
    const { service, postmaster, clients = [] } = this.#parties;
    const own = process.cpuUsage();
    return {
      client: clients.reduce((sum, pid) => sum + (cpuSecondsOf(pid) ?? 0), (own.user + own.system) / 1e6),
      service: cpuSecondsOf(service),
      database: postmaster === undefined ? undefined : serverSeconds(postmaster),
    };
  }

  #memory(): Usage['memory'] {
    const { service, postmaster } = this.#parties;
    const peak = memoryOf(service)?.peak;
    return {
      ...(peak === undefined ? {} : { service: peak }),
      ...(postmaster === undefined ? {} : { database: serverMemory(postmaster) }),
    };
  }
}

function serverSeconds(postmaster: number): number {
  return [postmaster, ...childrenOf(postmaster)].reduce(
    (sum, pid) => sum + (cpuSecondsOf(pid) ?? 0),
    statOf(postmaster)?.endedChildrenSeconds ?? 0,
  );
}

function serverMemory(postmaster: number): number {
  let own = 0;
  let shared = 0;
  for (const pid of [postmaster, ...childrenOf(postmaster)]) {
    const memory = memoryOf(pid);
    own += memory?.own ?? 0;
    shared = Math.max(shared, memory?.shared ?? 0);
  }
  return own + shared;
}
