import { InvalidRequestError, LogEpochChangedError, PositionUnknownError } from '../../core/errors.js';
import { WHOLE_LOG } from '../../core/filter.js';
import type { EventSelection } from '../../core/selection.js';
import type { LogPosition, SubscriptionMessage } from '../../core/subscribe.js';
import { Bell } from './bell.js';
import type { Deliveries } from './deliveries.js';
import type { MemberSlot } from './member-slot.js';
import type { GroupParts } from './member-parts.js';
import { retryDelay } from './retry-delay.js';
import { slotOf } from './slot-of.js';

/** Whom a feed tells. */
export interface MemberFeedListener {
  /** Something was read. */
  advanced(): void;
  /** It cannot go on. */
  failed(error: Error): void;
}

/** One subscription from the slot on that is furthest behind; each slot takes what it has not got yet. */
export class MemberFeed {
  readonly #parts: GroupParts;
  readonly #deliveries: Deliveries;
  readonly #slots: ReadonlyMap<number, MemberSlot>;
  readonly #of: number;
  readonly #listener: MemberFeedListener;
  readonly #room = new Bell();
  #run: AbortController | undefined;
  /** How far the subscription has come; what a slot lacks below that it will not get from this one. */
  #position = 0n;

  constructor(
    parts: GroupParts,
    deliveries: Deliveries,
    options: {
      readonly slots: ReadonlyMap<number, MemberSlot>;
      /** How many the group has. */
      readonly of: number;
      readonly listener: MemberFeedListener;
    },
  ) {
    this.#parts = parts;
    this.#deliveries = deliveries;
    this.#slots = options.slots;
    this.#of = options.of;
    this.#listener = options.listener;
  }

  /** Begins, begins anew for a slot that is further behind, or ends when no slot is left. */
  follow(selection: EventSelection, anew = false): void {
    let isBehind = false;
    let feeds = false;
    for (const slot of this.#slots.values()) {
      if (slot.state !== 'HELD') continue;
      feeds = true;
      isBehind ||= slot.fedTo < this.#position;
    }
    if (this.#run !== undefined && feeds && !isBehind && !anew) return;
    this.stop();
    if (!feeds) return;
    const run = new AbortController();
    this.#run = run;
    void this.#feed(selection, run.signal);
  }

  /** There may be room again. */
  goOn(): void {
    this.#room.ring();
  }

  stop(): void {
    this.#run?.abort(new Error('The feed is over'));
    this.#run = undefined;
    this.#room.ring();
  }

  async #feed(selection: EventSelection, signal: AbortSignal): Promise<void> {
    const { log, runtime } = this.#parts;
    const { filters = [], scope = WHOLE_LOG } = selection;
    for (let failures = 0; !signal.aborted; ) {
      try {
        const after = this.#lowest();
        if (after === undefined) return;
        this.#position = after.position;
        const messages = log.subscribe({ scope, filters, start: { kind: 'AFTER', after } }, { signal });
        for await (const message of messages) {
          if (signal.aborted) return;
          failures = 0;
          await this.#checkEpochs(message, signal);
          if (signal.aborted) return;
          this.#bring(message);
          this.#listener.advanced();
          if (!this.#deliveries.hasRoom) this.#deliveries.spill();
          while (!this.#deliveries.hasRoom && !signal.aborted) await this.#room.heard();
        }
      } catch (error) {
        if (signal.aborted) return;
        if (isFinal(error)) return this.#listener.failed(error);
      }
      failures += 1;
      await runtime.sleep(retryDelay(failures), signal).catch(() => undefined);
    }
  }

  #bring({ epoch, events, scannedTo }: SubscriptionMessage): void {
    for (const event of events) {
      const slot = this.#slots.get(slotOf(event.stream, this.#of));
      if (slot === undefined || slot.state !== 'HELD' || event.position <= slot.fedTo) continue;
      const stream = slot.stream(event.stream);
      if (stream.held) stream.heldTo = event.position;
      else if (event.position > stream.doneTo) this.#deliveries.queue(stream, event);
    }
    for (const slot of this.#slots.values()) if (slot.state === 'HELD') slot.fed(scannedTo, epoch);
    this.#position = scannedTo;
  }

  #lowest(): LogPosition | undefined {
    let lowest: LogPosition | undefined;
    for (const slot of this.#slots.values()) {
      if (slot.state !== 'HELD') continue;
      if (lowest === undefined || slot.fedTo < lowest.position) lowest = slot.fedPosition;
    }
    return lowest;
  }

  /**
   * A subscription looks only at where it begins. A slot that is ahead of that may be of a tail that the log has lost, and
   * would pass over what stands there now. It may have come from another member since, and the log may have begun another
   * epoch in between.
   */
  async #checkEpochs({ epoch, scannedAfter }: SubscriptionMessage, signal: AbortSignal): Promise<void> {
    for (;;) {
      const unchecked = [...this.#slots.values()].filter(
        (slot) => slot.state === 'HELD' && !slot.isSound(epoch, scannedAfter),
      );
      const highest = new Map<bigint | undefined, LogPosition>();
      for (const { fedPosition: at } of unchecked)
        if (at.position >= (highest.get(at.epoch)?.position ?? 0n)) highest.set(at.epoch, at);
      if (highest.size === 0) return;
      for (const minPosition of highest.values())
        for await (const page of this.#parts.log.load({ limit: 1n, minPosition }, { signal })) void page;
      for (const slot of unchecked) slot.soundIn = epoch;
    }
  }
}

function isFinal(error: unknown): error is Error {
  return (
    error instanceof LogEpochChangedError ||
    error instanceof PositionUnknownError ||
    error instanceof InvalidRequestError
  );
}
