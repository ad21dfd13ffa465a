import { createHash } from 'node:crypto';
import type { AuditEntry, ReadAuditRequest } from '../auth/access-admin.js';
import type { AccessDecision } from '../auth/access-decision.js';
import { ACTION_GROUPS } from '../auth/access-rule.js';
import type { Action, Plan, Resource } from '../auth/plan.js';
import type { CallOptions } from '../core/call-options.js';
import type { Event, NewEvent } from '../core/event.js';
import type { EventStore } from '../core/event-store.js';
import type { Filter } from '../core/filter.js';
import type { Runtime } from '../core/runtime.js';
import type { StreamId } from '../core/stream.js';
import { BECAUSE } from './because.js';

export interface AuditOptions {
  /** Of the namespace that holds nothing else but roles and tokens. */
  readonly store: Pick<EventStore, 'append' | 'load'>;
  readonly runtime: Runtime;
  /** `changes`: what was refused, and what administrators and owners did; `all`: every call. */
  readonly level: 'none' | 'changes' | 'all';
  readonly shadow: boolean;
  /** Told when it cannot be written for now. */
  readonly onFailure: (error: unknown) => void;
  /** Told how many entries there was no room for. */
  readonly onDropped: (entries: number) => void;
}

export const AUDIT_STREAMS = 'Audit';
const ALLOWED = 'CallAllowed';
const REFUSED = 'CallRefused';

/** What is done all day long, and not audited as a change. */
const USUAL: ReadonlySet<Action> = new Set([
  ...ACTION_GROUPS.read,
  ...ACTION_GROUPS.write,
  ...ACTION_GROUPS.command,
  ...ACTION_GROUPS.work,
  ...ACTION_GROUPS.consume,
  ...ACTION_GROUPS.project,
  'list-namespaces',
  'list-parked',
  'list-failed-aggregates',
]);
/** Entries that wait to be written. */
const WAITING = 10_000;
/** Of one append. */
const AT_A_TIME = 500;
const EVERY_MS = 1000;
const RESOURCES = 10;

interface Waiting {
  readonly entry: Omit<AuditEntry, 'count'>;
  count: number;
}

/**
 * Who did what, as events: what is the same within a second is one of them, with a count. Written beside the calls and not
 * before them, so that it costs them nothing: what was decided in the last second before a crash may be missing.
 */
export class Audit {
  readonly #options: AuditOptions;
  readonly #stop = new AbortController();
  #waiting = new Map<string, Waiting>();
  #dropped = 0;
  #running: Promise<void> | undefined;

  constructor(options: AuditOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Writes what waits, once more. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('The service stops'));
    await this.#running;
    await this.#write().catch(this.#options.onFailure);
  }

  record(plan: Plan, decision: AccessDecision): void {
    const { level, runtime, shadow } = this.#options;
    const allowed = decision.verdict === 'ALLOW';
    if (level === 'none' || (level === 'changes' && allowed && USUAL.has(plan.action))) return;
    const { principal } = plan;
    const entry: Omit<AuditEntry, 'count'> = {
      at: runtime.now(),
      principal: principal.kind === 'USER' ? principal.id : '',
      authenticatedBy: principal.kind === 'USER' ? (principal.credential?.by ?? 'none') : 'none',
      action: plan.action,
      namespace: plan.namespace,
      resources: plan.resources.slice(0, RESOURCES),
      allowed,
      because: allowed ? decision.rules.join(', ') : BECAUSE[decision.because],
      peer: (plan.peer ?? '').replace(/:\d+$/, ''),
      shadow: shadow && !allowed,
    };
    const key = JSON.stringify([{ ...entry, at: '' }]);
    const same = this.#waiting.get(key);
    if (same !== undefined) same.count += 1;
    else if (this.#waiting.size >= WAITING) this.#dropped += 1;
    else this.#waiting.set(key, { entry, count: 1 });
  }

  /** Newest first. */
  async *read(
    request: ReadAuditRequest,
    options: CallOptions,
  ): AsyncGenerator<readonly AuditEntry[], void, undefined> {
    const { from, limit = 1000, principal, refusedOnly, stream, to } = request;
    const tags = [
      ...(principal === undefined ? [] : [principalTag(principal)]),
      ...(stream === undefined ? [] : [streamTag(stream)]),
    ];
    const filter: Filter = {
      eventTypes: refusedOnly ? [REFUSED] : [ALLOWED, REFUSED],
      ...(tags.length === 0 ? {} : { tags }),
      ...(from === undefined && to === undefined
        ? {}
        : {
            recorded: {
              ...(from === undefined ? {} : { first: from }),
              ...(to === undefined ? {} : { last: to }),
            },
          }),
    };
    const pages = this.#options.store.load(
      {
        scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: [AUDIT_STREAMS] },
        filters: [filter],
        direction: 'BACKWARDS',
        limit: BigInt(limit),
      },
      options,
    );
    for await (const { events } of pages) if (events.length > 0) yield events.map(entryOf);
  }

  async #run(): Promise<void> {
    const { onDropped, onFailure, runtime } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await runtime.sleep(EVERY_MS, signal).catch(() => undefined);
      if (signal.aborted) return;
      await this.#write().catch(onFailure);
      if (this.#dropped === 0) continue;
      onDropped(this.#dropped);
      this.#dropped = 0;
    }
  }

  /** What cannot be written stays, and is tried again. */
  async #write(): Promise<void> {
    const { runtime, store } = this.#options;
    while (this.#waiting.size > 0) {
      const some = [...this.#waiting].slice(0, AT_A_TIME);
      for (const [key] of some) this.#waiting.delete(key);
      const day = new Date(Number(runtime.now() / 1000n)).toISOString().slice(0, 10);
      const events = some.map(([, { count, entry }]) =>
        toNewEvent({ ...entry, count }, runtime.newEventId()),
      );
      try {
        const stream = { aggregateType: AUDIT_STREAMS, aggregateId: day };
        await store.append({ streams: [{ stream, expectedVersion: 'ANY', events }] });
      } catch (error) {
        for (const [key, waiting] of some) if (this.#waiting.size < WAITING) this.#waiting.set(key, waiting);
        throw error;
      }
    }
  }
}

function toNewEvent(entry: AuditEntry, eventId: string): NewEvent {
  const streams = entry.resources.flatMap((resource) =>
    resource.kind === 'STREAM' ? [resource.stream] : [],
  );
  const text = JSON.stringify(entry, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  return {
    eventId,
    eventType: entry.allowed ? ALLOWED : REFUSED,
    data: new TextEncoder().encode(text),
    contentType: 'application/json',
    tags: [
      ...(entry.principal === '' ? [] : [principalTag(entry.principal)]),
      ...new Set(streams.map(streamTag)),
    ],
  };
}

function entryOf({ data }: Event): AuditEntry {
  const entry = JSON.parse(new TextDecoder().decode(data)) as Omit<AuditEntry, 'at'> & {
    readonly at: string;
  };
  return { ...entry, at: BigInt(entry.at), resources: entry.resources as readonly Resource[] };
}

/** A tag has at most as many bytes as a name, so a name goes in as its hash. */
function principalTag(principal: string): string {
  return `principal:${hashOf(principal)}`;
}

function streamTag({ aggregateId, aggregateType }: StreamId): string {
  return `stream:${hashOf(JSON.stringify([aggregateType, aggregateId]))}`;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
