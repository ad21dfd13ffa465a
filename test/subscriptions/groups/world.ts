import { StoreUnavailableError } from '../../../src/core/errors.js';
import type { Delivery, GroupMembership, NackAction } from '../../../src/core/consumer-groups.js';
import type { Event } from '../../../src/core/event.js';
import { streamKey } from '../../../src/core/stream.js';
import { MemoryGroupStorage } from '../../../src/memory/groups.js';
import { GroupHost } from '../../../src/subscriptions/groups/group-host.js';
import type {
  GroupStorage,
  MemberBeat,
  MemberOrders,
} from '../../../src/subscriptions/groups/group-storage.js';
import { slotOf } from '../../../src/subscriptions/groups/slot-of.js';
import { createMemoryEventStore } from '../../../src/testing/index.js';
import { SimulatedClock } from './simulated-clock.js';

export const GROUP = 'g';
const SLOTS = 4;
const LEASE_MS = 600;

/** One instance of the service, which may be cut off, stand still or be gone. */
export class Instance {
  host: GroupHost;
  cut = false;
  losesAnswers = false;
  paused = false;
  dead = false;

  constructor(readonly world: World) {
    this.host = new GroupHost({
      log: world.store,
      storage: this.#storage(world.storage),
      runtime: world.clock.runtime(() => this.paused || this.dead),
    });
  }

  /** The storage as it is seen through this instance's network. */
  #storage(storage: MemoryGroupStorage): GroupStorage {
    return new Proxy<GroupStorage>(storage, {
      get: (_, name) => {
        if (name === 'leaseMs') return storage.leaseMs;
        if (name === 'join')
          return (...of: Parameters<GroupStorage['join']>) => this.#through(() => storage.join(...of));
        if (name === 'beat')
          return (...of: Parameters<GroupStorage['beat']>) =>
            this.#through(async () => {
              const orders = await storage.beat(...of);
              this.world.ruled(of[0], orders);
              return orders;
            });
        const value: unknown = Reflect.get(storage, name);
        return typeof value === 'function' ? (value.bind(storage) as unknown) : value;
      },
    });
  }

  async #through<T>(call: () => Promise<T>): Promise<T> {
    const away = () => new StoreUnavailableError('The instance is cut off');
    if (this.cut || this.dead) throw away();
    const answer = await call();
    if (this.losesAnswers) throw away();
    return answer;
  }
}

/** A log, a storage, instances and consumers in simulated time, and what must never happen among them. */
export class World {
  readonly clock: SimulatedClock;
  readonly store;
  readonly storage: MemoryGroupStorage;
  readonly violations: string[] = [];
  /** Versions of each stream that some consumer has answered as done. */
  readonly done = new Map<string, Set<bigint>>();
  readonly delivered = new Map<bigint, number>();
  readonly #holders = new Map<number, { readonly memberId: string; readonly fence: bigint }>();

  constructor(seed: number) {
    this.clock = new SimulatedClock(seed);
    const runtime = this.clock.runtime();
    this.store = createMemoryEventStore({ runtime });
    this.storage = new MemoryGroupStorage({
      runtime,
      store: this.store,
      leaseMs: LEASE_MS,
      releaseMs: LEASE_MS,
    });
  }

  chance(probability: number): boolean {
    return this.clock.random() < probability;
  }

  below(count: number): number {
    return Math.floor(this.clock.random() * count);
  }

  async createGroup(slots = SLOTS): Promise<void> {
    const setup = new Instance(this);
    await setup.host.create({
      name: GROUP,
      slots,
      settings: { ackTimeoutMs: 1000, maxAttempts: 3, retryDelayMs: 20, maxRetryDelayMs: 200 },
    });
    this.#slots = slots;
  }

  #slots = SLOTS;

  /** A beat was answered, whether or not the answer arrives. */
  ruled(_: readonly MemberBeat[], orders: readonly MemberOrders[]): void {
    for (const { memberId, slots } of orders)
      for (const { fence, slot } of slots) {
        const before = this.#holders.get(slot);
        if (before && (fence < before.fence || (fence === before.fence && memberId !== before.memberId)))
          this.violations.push(`slot ${slot} has two holders under fence ${fence}`);
        this.#holders.set(slot, { memberId, fence });
      }
  }

  deliveredTo(memberId: string, { events }: Delivery): void {
    const [first] = events;
    if (first === undefined) return;
    const slot = slotOf(first.stream, this.#slots);
    const holder = this.#holders.get(slot);
    if (holder?.memberId !== memberId)
      this.violations.push(
        `${first.position} was delivered to ${memberId}, but ${holder?.memberId} has its slot`,
      );
    const done = this.#doneOf(first);
    const together = new Set<bigint>();
    for (const event of events) {
      for (let version = 1n; version < event.version; version++)
        if (!done.has(version) && !together.has(version))
          this.violations.push(`${streamKey(event.stream)} ${event.version} came before ${version} was done`);
      together.add(event.version);
      this.delivered.set(event.position, (this.delivered.get(event.position) ?? 0) + 1);
    }
  }

  isDone(events: readonly Event[]): void {
    for (const event of events) this.#doneOf(event).add(event.version);
  }

  /** An answer was confirmed: nobody else may have had the slot meanwhile. */
  confirmed(memberId: string, event: Event): void {
    const holder = this.#holders.get(slotOf(event.stream, this.#slots));
    if (holder?.memberId !== memberId)
      this.violations.push(
        `${memberId} was confirmed ${event.position}, but ${holder?.memberId} has its slot`,
      );
  }

  #doneOf({ stream }: Event): Set<bigint> {
    const key = streamKey(stream);
    const done = this.done.get(key) ?? new Set();
    this.done.set(key, done);
    return done;
  }
}

/** How a consumer of the simulation behaves; chances from 0 to 1. */
export interface Habits {
  readonly fails: number;
  readonly parks: number;
  readonly skips: number;
  readonly partly: number;
  readonly forgets: number;
  readonly dawdles: number;
  readonly slow: number;
}

export const DILIGENT: Habits = { fails: 0, parks: 0, skips: 0, partly: 0, forgets: 0, dawdles: 0, slow: 5 };

/** A consumer that handles what it gets, in its own way, and joins again when its membership ends. */
export class Consumer {
  gone = false;
  #crash = new AbortController();
  membership: GroupMembership | undefined;

  constructor(
    readonly world: World,
    readonly instance: Instance,
    readonly habits: Habits,
  ) {
    void this.#run();
  }

  /** Its connection is lost; it comes back. */
  crash(): void {
    this.#crash.abort(new Error('The consumer has crashed'));
    this.#crash = new AbortController();
  }

  async #run(): Promise<void> {
    const runtime = this.world.clock.runtime(() => this.instance.paused);
    while (!this.gone && !this.instance.dead) {
      try {
        const membership = await this.instance.host.join(
          { group: GROUP, maxInFlight: 1 + this.world.below(8) },
          { signal: this.#crash.signal },
        );
        this.membership = membership;
        for await (const message of membership.messages) {
          if (message.kind !== 'DELIVER' || this.instance.dead) continue;
          for (const delivery of message.deliveries) {
            this.world.deliveredTo(membership.memberId, delivery);
            void this.#handle(membership, delivery, (time) => runtime.sleep(time));
          }
        }
      } catch {
        // It joins again.
      }
      this.membership = undefined;
      await runtime.sleep(20 + this.world.below(100));
    }
  }

  async #handle(
    membership: GroupMembership,
    { events }: Delivery,
    sleep: (milliseconds: number) => Promise<void>,
  ): Promise<void> {
    const { chance, habits } = { habits: this.habits, chance: (some: number) => this.world.chance(some) };
    await sleep(this.world.below(chance(habits.dawdles) ? 900 : habits.slow * 2));
    if (chance(habits.forgets)) return;
    const middle = this.world.below(events.length);
    const event = chance(habits.partly) ? events[middle] : events.at(-1);
    if (event === undefined) return;
    const upTo = events.filter(({ position }) => position <= event.position);
    try {
      let action: NackAction | undefined;
      if (chance(habits.fails)) action = { kind: 'RETRY' };
      else if (chance(habits.parks)) action = { kind: 'PARK' };
      else if (chance(habits.skips)) action = { kind: 'SKIP' };
      // Called before it is recorded as done, which only the call itself makes it.
      const answer = action
        ? membership.nack({ position: event.position, action })
        : membership.ack([event.position]);
      this.world.isDone(action && action.kind !== 'SKIP' ? upTo.slice(0, -1) : upTo);
      const lost = await answer;
      if (lost.length === 0) this.world.confirmed(membership.memberId, event);
      if (!action && upTo.length < events.length) {
        await sleep(this.world.below(50));
        const rest = membership.ack(events.slice(-1).map(({ position }) => position));
        this.world.isDone(events);
        await rest;
      }
    } catch {
      // The membership has ended; what it had comes again.
    }
  }
}
