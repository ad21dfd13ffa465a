import type { AuditEntry, ReadAuditRequest } from '../auth/access-admin.js';
import type { AccessDecision } from '../auth/access-decision.js';
import type { Plan } from '../auth/plan.js';
import type { CallOptions } from '../core/call-options.js';
import { InvalidRequestError } from '../core/errors.js';
import type { EventStore } from '../core/event-store.js';
import type { Filter } from '../core/filter.js';
import type { Runtime } from '../core/runtime.js';
import {
  ALLOWED,
  AUDIT_STREAMS,
  auditEntryOf,
  auditStream,
  principalTag,
  REFUSED,
  streamTag,
  toAuditEvent,
} from './audit-events.js';
import { AuditGathered, type AuditGatheredOptions } from './audit-gathered.js';

export interface AuditOptions extends AuditGatheredOptions {
  /** Of the namespace that holds nothing else but roles and tokens. */
  readonly store: Pick<EventStore, 'append' | 'load'>;
  readonly runtime: Runtime;
  /** Told of what was refused, or would have been, within a second of it. */
  readonly onRefused: (entry: AuditEntry) => void;
  /** Told when it cannot be written for now. */
  readonly onFailure: (error: unknown) => void;
  /** Told how many entries there was no room for. */
  readonly onDropped: (entries: number) => void;
}

/** Entries that wait to be written. */
const WAITING = 10_000;
/** Of one append: entries … */
const AT_A_TIME = 500;
/** … and bytes, or one entry. */
const BYTES = 256 * 1024;
const EVERY_MS = 1000;
/** For how long a service that ends waits for the last ones. */
const LAST_MS = 5000;
/** Events of the audit come a second behind what they tell of, or as much later as the database was away: this much is looked for. */
const BEHIND = 600_000_000n;

type Append = Parameters<EventStore['append']>[0];

/**
 * Who did what, as events: what is the same within a second is one of them, with a count. Written beside the calls and not
 * before them, so that it costs them nothing: what was decided in the last second before a crash may be missing.
 */
export class Audit {
  readonly #options: AuditOptions;
  readonly #gathered: AuditGathered;
  readonly #stop = new AbortController();
  readonly #waiting: AuditEntry[] = [];
  /** What was sent and not answered; sent again as it is, so that nothing is there twice. */
  #unanswered: Append | undefined;
  #running: Promise<void> | undefined;

  constructor(options: AuditOptions) {
    this.#options = options;
    this.#gathered = new AuditGathered(options);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Writes what waits, once more, and tells of what could not be written in five seconds. */
  async stop(): Promise<void> {
    const { onDropped, runtime } = this.#options;
    const over = new AbortController();
    this.#stop.abort(new Error('The service stops'));
    const late = runtime.sleep(LAST_MS, over.signal).catch(() => undefined);
    const written = (async () => {
      await this.#running;
      await this.#turn();
    })();
    await Promise.race([written, late]);
    over.abort(new Error('It is over'));
    const left = this.#waiting.length + (this.#unanswered?.streams[0]?.events.length ?? 0);
    if (left > 0) onDropped(left);
  }

  decided(plan: Plan, decision: AccessDecision): void {
    this.#gathered.decided(plan, decision);
  }

  notAuthenticated(because: string, peer: string): void {
    this.#gathered.notAuthenticated(because, peer);
  }

  /** Newest first. */
  async *read(
    request: ReadAuditRequest,
    options: CallOptions,
  ): AsyncGenerator<readonly AuditEntry[], void, undefined> {
    const { from, limit = 1000, to } = request;
    const pages = this.#options.store.load(
      {
        scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: [AUDIT_STREAMS] },
        filters: [filterOf(request)],
        direction: 'BACKWARDS',
      },
      options,
    );
    let left = limit;
    for await (const { events } of pages) {
      const entries = events
        .map(auditEntryOf)
        .filter(({ at }) => (from === undefined || at >= from) && (to === undefined || at <= to))
        .slice(0, left);
      left -= entries.length;
      if (entries.length > 0) yield entries;
      if (left === 0) return;
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#options.runtime.sleep(EVERY_MS, signal).catch(() => undefined);
      if (!signal.aborted) await this.#turn();
    }
  }

  /** What cannot be written stays, and is tried again. */
  async #turn(): Promise<void> {
    this.#take();
    try {
      await this.#write();
    } catch (error) {
      this.#options.onFailure(error);
    }
  }

  #take(): void {
    const { onDropped, onRefused } = this.#options;
    const { dropped, gathered } = this.#gathered.take();
    let lost = dropped;
    for (const { audited, entry, refused } of gathered) {
      if (refused) onRefused(entry);
      if (!audited) continue;
      if (this.#waiting.length < WAITING) this.#waiting.push(entry);
      else lost += 1;
    }
    if (lost > 0) onDropped(lost);
  }

  async #write(): Promise<void> {
    const { onDropped, store } = this.#options;
    while (this.#unanswered !== undefined || this.#waiting.length > 0) {
      this.#unanswered ??= this.#next();
      try {
        await store.append(this.#unanswered);
      } catch (error) {
        // Nothing of ours is too large, unless the limits of the service are lower than any audit needs.
        if (!(error instanceof InvalidRequestError)) throw error;
        onDropped(this.#unanswered.streams[0]?.events.length ?? 0);
        this.#options.onFailure(error);
      }
      this.#unanswered = undefined;
    }
  }

  #next(): Append {
    const { runtime } = this.#options;
    const events: ReturnType<typeof toAuditEvent>[] = [];
    let bytes = 0;
    for (const entry of this.#waiting.slice(0, AT_A_TIME)) {
      const event = toAuditEvent(entry, runtime.newEventId());
      bytes += event.data.length;
      if (events.length > 0 && bytes > BYTES) break;
      events.push(event);
    }
    this.#waiting.splice(0, events.length);
    return { streams: [{ stream: auditStream(runtime.now()), expectedVersion: 'ANY', events }] };
  }
}

function filterOf({ from, principal, refusedOnly, stream, to }: ReadAuditRequest): Filter {
  const tags = [
    ...(principal === undefined ? [] : [principalTag(principal)]),
    ...(stream === undefined ? [] : [streamTag(stream)]),
  ];
  const recorded = {
    // The database's clock may be somewhat behind.
    ...(from === undefined ? {} : { first: from - BEHIND }),
    ...(to === undefined ? {} : { last: to + BEHIND }),
  };
  return {
    eventTypes: refusedOnly ? [REFUSED] : [ALLOWED, REFUSED],
    ...(tags.length === 0 ? {} : { tags }),
    ...(from === undefined && to === undefined ? {} : { recorded }),
  };
}
