import type { GroupMembership } from '../core/consumer-groups.js';
import { ACK_POSITIONS } from '../core/validate-group.js';

/**
 * Says what was handled, in batches: what is done while an ack is under way goes into the next one, so that nothing waits
 * for a timer. Holds no more than the member's events in flight, since what is not acked counts as such.
 */
export class Acks {
  readonly #membership: Pick<GroupMembership, 'ack'>;
  readonly #onLost: (positions: readonly bigint[]) => void;
  #waiting: bigint[] = [];
  #sending: Promise<void> | undefined;

  constructor(membership: Pick<GroupMembership, 'ack'>, onLost: (positions: readonly bigint[]) => void) {
    this.#membership = membership;
    this.#onLost = onLost;
  }

  add(position: bigint): void {
    this.#waiting.push(position);
    this.#sending ??= this.#send();
  }

  /** These are said in another way. */
  forget(positions: ReadonlySet<bigint>): void {
    this.#waiting = this.#waiting.filter((position) => !positions.has(position));
  }

  /** Resolves when nothing waits to be said. */
  async flushed(): Promise<void> {
    await this.#sending;
  }

  async #send(): Promise<void> {
    // What is handled in the same turn comes along.
    await Promise.resolve();
    try {
      while (this.#waiting.length > 0)
        this.#onLost(await this.#membership.ack(this.#waiting.splice(0, ACK_POSITIONS)));
    } catch {
      // The membership has ended, and whoever reads its messages learns why. What was not acked comes again.
      this.#waiting = [];
    } finally {
      this.#sending = undefined;
    }
  }
}
