import { Follower, WISHES } from './follower.js';
import type { History } from './history.js';
import { Random } from './random.js';
import { type RequestKind, SharedKnowledge } from './requests.js';
import { type Source, type Tally, Writer } from './writers.js';

export interface WorkloadOptions {
  readonly seed: number;
  readonly sources: readonly Source[];
  /** Appends that must have got a verdict; a few more do. */
  readonly requests: number;
  /** Writers for each source; each has one request under way. */
  readonly writers: number;
  readonly followers: number;
  /** The last position, once all is written. */
  readonly head: () => Promise<number>;
  /** Milliseconds that followers have to reach it. @default 20_000 */
  readonly patienceMs?: number;
}

/** A run of writers and followers, told as a history. */
export class Workload {
  readonly history: History = { operations: [], reads: [], feeds: [] };
  readonly tally: Tally = { decided: 0, kinds: new Map<RequestKind, number>(), resent: 0 };
  readonly #options: WorkloadOptions;

  constructor(options: WorkloadOptions) {
    this.#options = options;
  }

  /** Resolves when so many appends have got a verdict, or all writers have ended. */
  async reached(decided: number): Promise<void> {
    while (this.tally.decided < Math.min(decided, this.#options.requests))
      await new Promise((go) => setTimeout(go, 5));
  }

  async run(): Promise<void> {
    const { head, patienceMs = 20_000, requests, seed, sources, writers } = this.#options;
    const random = new Random(seed);
    const shared = new SharedKnowledge();
    const followers = this.#followers(random);
    const following = followers.map((follower) => follower.run());
    const { history, tally } = this;
    const writing = sources.flatMap((own) =>
      Array.from({ length: writers }, () =>
        new Writer({ sources, own, random: random.fork(), shared, history, tally, requests }).run(),
      ),
    );
    await Promise.all(writing);
    const last = await head();
    for (const follower of followers) follower.finish(last, patienceMs);
    await Promise.all(following);
  }

  #followers(random: Random): readonly Follower[] {
    const { followers, sources } = this.#options;
    return Array.from({ length: followers }, (_, index) => {
      const wish = WISHES[index % WISHES.length] ?? random.of(WISHES);
      const round = Math.floor(index / WISHES.length);
      const follower = new Follower(
        {
          wish,
          sources,
          random: random.fork(),
          // Some begin when there is much to catch up with.
          delay: round === 2 ? random.below(8000) : random.below(200),
          restless: round > 0 || index % 2 === 1,
          fromEnd: round === 1 && index % 3 === 1,
        },
        `follower ${index + 1}`,
      );
      this.history.feeds.push(follower.feed);
      return follower;
    });
  }
}
