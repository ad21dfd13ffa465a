import { randomUUID } from 'node:crypto';
import type { Connection } from '../../src/client/connect.js';
import { HeadwaterError } from '../../src/core/errors.js';
import type { NewEvent } from '../../src/core/event.js';
import type { AckedAppend } from './followers-history.js';
import type { Random } from './random.js';

const STREAMS = 200;
const WRITERS = 4;
const LARGEST = 1000;
/** What each waits between two appends, so that followers are not all that the machine does. */
const PAUSE_MS = 60;
/** Until which an append has to be decided, over whatever faults. */
const PATIENCE_MS = 60_000;

/** Writers that append to accounts, few of them often, until they are told to stop. */
export class AccountWriters {
  readonly appends: AckedAppend[] = [];
  /** Appends that were sent again, for nobody knew what had become of them. */
  resent = 0;
  readonly #connection: Connection;
  readonly #random: Random;
  readonly #weights: readonly number[];
  #stops = false;

  constructor(connection: Connection, random: Random) {
    this.#connection = connection;
    this.#random = random;
    let sum = 0;
    this.#weights = Array.from({ length: STREAMS }, (_, rank) => (sum += 1 / (rank + 1)));
  }

  async run(): Promise<void> {
    await Promise.all(Array.from({ length: WRITERS }, () => this.#write(this.#random.fork())));
  }

  stop(): void {
    this.#stops = true;
  }

  async #write(random: Random): Promise<void> {
    while (!this.#stops) {
      await this.#append(this.#account(random), this.#events(random));
      await new Promise((go) => setTimeout(go, random.below(2 * PAUSE_MS)));
    }
  }

  /** By Zipf's law: the second half as often as the first, the third a third as often. */
  #account(random: Random): string {
    const drawn = random.next() * (this.#weights.at(-1) ?? 0);
    return `a-${this.#weights.findIndex((weight) => weight > drawn)}`;
  }

  #events(random: Random): readonly NewEvent[] {
    return Array.from({ length: 1 + random.below(3) }, () => ({
      eventId: randomUUID(),
      eventType: random.of(['Deposited', 'Deposited', 'Withdrawn', 'Noted']),
      data: Buffer.from(JSON.stringify({ amount: random.below(LARGEST) })),
      contentType: 'application/json',
      tags: [`tag-${random.below(10)}`],
    }));
  }

  /** The same events, with the same ids, until it is known what became of them. */
  async #append(account: string, events: readonly NewEvent[]): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    const stream = { aggregateType: 'Account', aggregateId: account };
    const request = { streams: [{ stream, expectedVersion: 'ANY' as const, events }] };
    for (;;)
      try {
        const { lastPosition } = await this.#connection.eventStore.append(request);
        const eventIds = events.map(({ eventId }) => eventId ?? '');
        this.appends.push({ eventIds, lastPosition: Number(lastPosition) });
        return;
      } catch (error) {
        const passes = error instanceof HeadwaterError && error.outcome !== undefined;
        if (!passes || performance.now() > deadline) throw error;
        this.resent += 1;
        await new Promise((go) => setTimeout(go, 100));
      }
  }
}
