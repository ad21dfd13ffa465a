import { connect } from '../../src/client/connect.js';
import type { Appended, AppendCondition } from '../../src/core/append.js';
import type { EventStore } from '../../src/core/event-store.js';
import type { LogPosition } from '../../src/core/subscribe.js';
import { keepInFlight } from '../in-flight.js';
import type { Latency } from '../latency.js';
import { takeTurns } from '../rounds.js';
import { compare, type Measurement } from '../row.js';
import { newTag, StreamWalk } from '../workload.js';

/** What must not have come, for the tags of a decision. */
type Items = (tags: readonly string[]) => AppendCondition['items'];

/**
 * Decisions that are bound to tags, and not to a stream (dynamic consistency boundaries): each appends an event with two
 * tags, on condition that none with both, or with either of them, has come since it last looked.
 */
export const conditionalAppend: Measurement = {
  id: 'conditions',
  about: 'appends on condition that nothing came with their tags, beside the same without',
  long: true,
  async measure({ service, meter }, { rounds, turnMilliseconds }) {
    const connection = connect({ address: service.address });
    const turnsOf = (inFlight: number) => {
      const deciders = Array.from({ length: inFlight }, () => new Decider());
      const turn = (items?: Items) => (latency: Latency) =>
        keepInFlight(deciders, turnMilliseconds, async (decider) => {
          await latency.of(() => decider.append(connection.eventStore, items));
          return 1;
        });
      return [turn((tags) => [{ tags }]), turn((tags) => tags.map((tag) => ({ tags: [tag] }))), turn()];
    };
    try {
      const sizes = [64, 256];
      const results = await takeTurns({ rounds, meter }, sizes.flatMap(turnsOf));
      return sizes.flatMap((inFlight, index) =>
        ['with both of two tags', 'with either of two tags'].map((what, ours) =>
          compare(
            results,
            { ours: index * 3 + ours, floor: index * 3 + 2 },
            {
              id: 'conditions',
              what: `appends unless an event ${what} has come, ${inFlight} in flight`,
              unit: 'events/s',
              floor: 'the same without a condition',
            },
          ),
        ),
      );
    } finally {
      connection.close();
    }
  },
};

/** Has two tags of its own, and knows the log up to its last append. */
class Decider {
  readonly #walk = new StreamWalk();
  readonly #tags = [newTag('course'), newTag('student')];
  #seen: LogPosition = { position: 0n };

  async append(eventStore: Pick<EventStore, 'append'>, items: Items | undefined): Promise<void> {
    const { streams } = this.#walk.request(1, this.#tags);
    const condition = items && { items: items(this.#tags), after: this.#seen };
    const { lastPosition, epoch }: Appended = await eventStore.append({
      streams,
      ...(condition ? { condition } : {}),
    });
    this.#seen = { position: lastPosition, epoch };
  }
}
