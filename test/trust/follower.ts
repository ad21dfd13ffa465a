import { HeadwaterError } from '../../src/core/errors.js';
import type { Filter, Scope } from '../../src/core/filter.js';
import type { SubscribeStart, SubscriptionMessage } from '../../src/core/subscribe.js';
import { streamKey } from '../../src/core/stream.js';
import { digestOf, type Feed, type LoggedEvent } from './history.js';
import type { Random } from './random.js';
import { EVENT_TYPES } from './requests.js';
import type { Source } from './writers.js';

/** What a follower asks for, in the store's words and, beside it, in the checker's own. */
export interface Wish {
  readonly name: string;
  readonly scope?: Scope;
  readonly filters?: readonly Filter[];
  readonly matches: (event: LoggedEvent) => boolean;
}

const TYPE = EVENT_TYPES[1] ?? '';
const HOT = { aggregateType: 'Counter', aggregateId: 'c7' };

/** The whole log, by type, by tag, by aggregate types, one stream. */
export const WISHES: readonly Wish[] = [
  { name: 'whole log', matches: () => true },
  {
    name: 'type',
    filters: [{ eventTypes: [TYPE] }],
    matches: ({ eventType }) => eventType === TYPE,
  },
  { name: 'tag', filters: [{ tags: ['lot:3'] }], matches: ({ tags }) => tags.includes('lot:3') },
  {
    name: 'tag or type',
    filters: [{ tags: ['lot:5'] }, { eventTypes: ['Closed'], tags: ['lot:6'] }],
    matches: ({ eventType, tags }) =>
      tags.includes('lot:5') || (eventType === 'Closed' && tags.includes('lot:6')),
  },
  {
    name: 'slots',
    scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Slot'] },
    matches: ({ stream }) => stream.startsWith('Slot\n'),
  },
  {
    name: 'one stream',
    scope: { kind: 'STREAM', stream: HOT },
    matches: ({ stream }) => stream === streamKey(HOT),
  },
];

export interface FollowerParts {
  readonly wish: Wish;
  readonly sources: readonly Source[];
  readonly random: Random;
  /** Milliseconds that it waits before it begins. */
  readonly delay: number;
  /** Leaves at random, and comes back on any instance with the position and epoch that it kept. */
  readonly restless: boolean;
  readonly fromEnd?: boolean;
}

/** Follows until it has all, and records what it was given. */
export class Follower {
  readonly feed: Feed;
  readonly #parts: FollowerParts;
  readonly #stop = new AbortController();
  #session = new AbortController();
  #source: Source;
  #epoch = 0n;
  #head: number | undefined;

  constructor(parts: FollowerParts, name: string) {
    this.#parts = parts;
    this.#source = parts.random.of(parts.sources);
    this.feed = {
      name: `${name} (${parts.wish.name})`,
      matches: parts.wish.matches,
      start: parts.fromEnd ? undefined : 0,
      positions: [],
      versions: [],
      digests: [],
      ranges: [],
      epochs: new Set(),
      restarts: 0,
      failures: [],
    };
  }

  /** Ends when all up to this position was scanned, or at the latest after so many milliseconds. */
  finish(head: number, patienceMs: number): void {
    this.#head = head;
    this.#session.abort(new Error('The run ends'));
    setTimeout(() => {
      this.#stop.abort(new Error('It took too long'));
      this.#session.abort(new Error('It took too long'));
    }, patienceMs).unref();
  }

  async run(): Promise<void> {
    const { delay, random, restless, sources } = this.#parts;
    await new Promise((go) => setTimeout(go, delay));
    while (!this.#done() && !this.#stop.signal.aborted) {
      this.#session = new AbortController();
      const session = this.#session;
      const leave = restless ? setTimeout(() => session.abort(), 200 + random.below(2500)) : undefined;
      try {
        await this.#follow(session.signal);
      } catch (error) {
        if (!session.signal.aborted && !isPassing(error)) {
          this.feed.failures.push(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
          return;
        }
        if (!session.signal.aborted) await new Promise((go) => setTimeout(go, 50));
      } finally {
        clearTimeout(leave);
      }
      this.feed.restarts += 1;
      if (restless) this.#source = random.of(sources);
    }
  }

  get #end(): number | undefined {
    return this.feed.ranges.at(-2);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { random, restless, wish } = this.#parts;
    const { filters, scope } = wish;
    const request = { ...(scope ? { scope } : {}), ...(filters ? { filters } : {}), start: this.#start() };
    let messages = restless ? 1 + random.below(300) : Number.POSITIVE_INFINITY;
    for await (const message of this.#source.store().subscribe(request, { signal })) {
      this.#record(message);
      messages -= 1;
      if (this.#done() || messages <= 0) return;
    }
  }

  #start(): SubscribeStart {
    const end = this.#end;
    if (end !== undefined)
      return {
        kind: 'AFTER',
        after: { position: BigInt(end), ...(this.#epoch ? { epoch: this.#epoch } : {}) },
      };
    return { kind: this.#parts.fromEnd ? 'END' : 'BEGINNING' };
  }

  #record({ epoch, events, scannedAfter, scannedTo }: SubscriptionMessage): void {
    const { feed } = this;
    feed.start ??= Number(scannedAfter);
    feed.ranges.push(Number(scannedAfter), Number(scannedTo), events.length);
    feed.epochs.add(Number(epoch));
    this.#epoch = epoch;
    for (const event of events) {
      feed.positions.push(Number(event.position));
      feed.versions.push(Number(event.version));
      feed.digests.push(digestOf(streamKey(event.stream), event));
    }
  }

  #done(): boolean {
    return this.#head !== undefined && (this.#end ?? 0) >= this.#head;
  }
}

/** What a follower meets when an instance goes; it comes back. */
function isPassing(error: unknown): boolean {
  return (
    error instanceof HeadwaterError &&
    (error.reason === 'STORE_UNAVAILABLE' ||
      error.reason === 'OVERLOADED' ||
      error.reason === 'DEADLINE_EXCEEDED')
  );
}
