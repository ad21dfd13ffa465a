import type { GroupMembership } from '../core/consumer-groups.js';
import { ACK_POSITIONS } from '../core/validate-group.js';

/** Acks that may be under way; what is handled meanwhile goes into the next one. */
const UNDER_WAY = 16;

/**
 * Says what was handled, in batches: all of one turn, and more when many acks are under way. Holds no more than the member's
 * events in flight, since what is not acked counts as such.
 */
export class Acks {
  readonly #membership: Pick<GroupMembership, 'ack'>;
  readonly #onLost: (positions: readonly bigint[]) => void;
  #waiting: bigint[] = [];
  #underWay = 0;
  #isDue = false;

  constructor(membership: Pick<GroupMembership, 'ack'>, onLost: (positions: readonly bigint[]) => void) {
    this.#membership = membership;
    this.#onLost = onLost;
  }

  add(position: bigint): void {
    this.#waiting.push(position);
    if (this.#isDue) return;
    this.#isDue = true;
    void Promise.resolve().then(() => {
      this.#isDue = false;
      this.#sendAll();
    });
  }

  /** These are said in another way. */
  forget(positions: ReadonlySet<bigint>): void {
    this.#waiting = this.#waiting.filter((position) => !positions.has(position));
  }

  #sendAll(): void {
    while (this.#waiting.length > 0 && this.#underWay < UNDER_WAY)
      void this.#send(this.#waiting.splice(0, ACK_POSITIONS));
  }

  async #send(positions: readonly bigint[]): Promise<void> {
    this.#underWay += 1;
    try {
      this.#onLost(await this.#membership.ack(positions));
    } catch {
      // The membership has ended, and whoever reads its messages learns why. What was not acked comes again.
    } finally {
      this.#underWay -= 1;
      this.#sendAll();
    }
  }
}
