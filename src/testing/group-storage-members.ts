import { DEFAULT_GROUP_SETTINGS } from '../core/consumer-groups.js';
import type {
  GroupStorage,
  HeldSlot,
  MemberBeat,
  MemberOrders,
} from '../subscriptions/groups/group-storage.js';

/** A group of a test. */
export function newGroup(name: string, slots = 8, position = 0n) {
  return { name, selection: {}, settings: DEFAULT_GROUP_SETTINGS, slots, position: { position } };
}

/** A member of a group that does as it is told. */
export class TestMember {
  held: readonly HeldSlot[] = [];
  orders: MemberOrders | undefined;
  readonly #storage: GroupStorage;

  constructor(
    storage: GroupStorage,
    readonly group: string,
    readonly memberId: string,
  ) {
    this.#storage = storage;
  }

  async join(): Promise<this> {
    const { group, memberId } = this;
    await this.#storage.join({ group, memberId, name: `called ${memberId}` });
    return this;
  }

  /** What it would say now, with more. */
  says(more: Partial<MemberBeat> = {}): MemberBeat {
    const known = this.held.map(({ fence, slot }) => ({ slot, fence }));
    const { group, memberId } = this;
    return { group, memberId, slots: [], news: [], known, revision: 1n, ...more };
  }

  async beat(more: Partial<MemberBeat> = {}): Promise<MemberOrders> {
    const [orders] = await this.#storage.beat([this.says(more)]);
    if (orders === undefined) throw new Error('No orders');
    this.orders = orders;
    this.held = orders.slots;
    return orders;
  }

  /** Beats, and releases what others are to have. */
  async release(): Promise<MemberOrders> {
    const wanted = this.held.filter((slot) => slot.wanted);
    return this.beat({ slots: wanted.map((slot) => ({ ...slot, release: true })) });
  }

  /** The slot as it holds it. Throws if it does not. */
  slot(number: number): HeldSlot {
    const found = this.held.find(({ slot }) => slot === number);
    if (found === undefined) throw new Error(`${this.memberId} does not hold slot ${number}`);
    return found;
  }
}
