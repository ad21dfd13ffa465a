import { type CrewSettings, FollowerProcess } from './followers-process.js';

/** Who follows, and in how many processes. */
const PROCESSES: Readonly<Record<string, number>> = {
  mailers: 3,
  billing: 2,
  balances: 2,
  totals: 2,
  standings: 2,
  receipts: 2,
  'rabbit-relay': 2,
  'nats-relay': 2,
  'rabbit-worker': 1,
  'nats-worker': 1,
  // What is kept for a listener goes with its process, so these are not killed.
  'rabbit-listener': 1,
  'nats-listener': 1,
};
const SPARED = new Set(['rabbit-listener', 'nats-listener']);
/** Those whose lease or membership runs out while they stand still. */
const LEASED = new Set(['mailers', 'billing', 'balances', 'totals', 'standings', 'receipts', 'rabbit-relay']);
const STOP_MS = 40_000;
/** So many start at a time: each takes a core for most of a second. */
const START_AT_ONCE = 4;

/** All processes that follow the log. */
export class Crew {
  readonly all: readonly FollowerProcess[];

  constructor(folder: string, settings: CrewSettings) {
    this.all = Object.entries(PROCESSES).flatMap(([role, count]) =>
      Array.from({ length: count }, (_, index) => new FollowerProcess(role, index + 1, folder, settings)),
    );
  }

  /** Resolves when all are ready. Those of the buses come first: what is published before them, they do not get. */
  async start(): Promise<void> {
    const first = this.all.filter(({ role }) => /worker|listener/.test(role));
    const others = this.all.filter((one) => !first.includes(one));
    for (const some of [first, others])
      for (let at = 0; at < some.length; at += START_AT_ONCE)
        await Promise.all(some.slice(at, at + START_AT_ONCE).map((one) => one.start()));
  }

  get mortal(): readonly FollowerProcess[] {
    return this.all.filter(({ role }) => !SPARED.has(role));
  }

  get leased(): readonly FollowerProcess[] {
    return this.all.filter(({ role }) => LEASED.has(role));
  }

  /** Of each process that was killed and not started again, a new one. */
  async revive(): Promise<void> {
    await Promise.all(this.all.filter(({ runs }) => !runs).map((one) => one.start()));
  }

  /** All of them, gently. */
  async stop(): Promise<void> {
    await Promise.all(this.all.map((one) => one.stop(STOP_MS)));
  }

  async kill(): Promise<void> {
    await Promise.all(this.all.map((one) => one.kill()));
  }

  get accidents(): readonly string[] {
    return this.all.flatMap(({ accidents }) => accidents);
  }
}
