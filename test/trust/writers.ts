import type { AppendOutcome } from '../../src/core/append.js';
import { EventIdReusedError, HeadwaterError, StreamNotFoundError } from '../../src/core/errors.js';
import type { EventLog } from '../../src/core/event-store.js';
import { streamKey, type StreamId } from '../../src/core/stream.js';
import type { AppendOperation, AppendResult, History, RecordedRequest } from './history.js';
import type { Random } from './random.js';
import { RequestMaker, type RequestKind, type SharedKnowledge } from './requests.js';

/** A client, over whatever instance it reaches now. */
export interface Source {
  readonly name: string;
  readonly store: () => EventLog;
}

/** How much was done. */
export interface Tally {
  /** Calls that got a verdict: appended, refused, or an id reused. */
  decided: number;
  readonly kinds: Map<RequestKind, number>;
  /** Sent again because the outcome was not known. */
  resent: number;
}

export interface WriterParts {
  readonly sources: readonly Source[];
  readonly own: Source;
  readonly random: Random;
  readonly shared: SharedKnowledge;
  readonly history: History;
  readonly tally: Tally;
  /** Decided calls after which it ends. */
  readonly requests: number;
}

const RESOLVE_MS = 60_000;

/** One writer: one request after the other, each until its outcome is definite. */
export class Writer {
  readonly #parts: WriterParts;
  readonly #maker: RequestMaker;

  constructor(parts: WriterParts) {
    this.#parts = parts;
    this.#maker = new RequestMaker(parts.random, parts.shared);
  }

  async run(): Promise<void> {
    const { own, random, requests, sources, tally } = this.#parts;
    while (tally.decided < requests) {
      const { kind, sent } = random.chance(0.01) ? await this.#afterReading() : this.#maker.next();
      tally.kinds.set(kind, (tally.kinds.get(kind) ?? 0) + 1);
      const elsewhere = kind === 'REPEAT' || kind === 'MISUSE';
      const sends = [this.#untilDefinite(sent, elsewhere ? random.of(sources) : own)];
      // The same append twice at the same time, over two clients.
      if (random.chance(0.01)) sends.push(this.#untilDefinite(sent, random.of(sources)));
      await Promise.all(sends);
    }
  }

  /** Reads a hot stream's version, and expects exactly that. */
  async #afterReading(): Promise<{ readonly kind: RequestKind; readonly sent: RecordedRequest }> {
    const stream = this.#maker.hotStream();
    const invoked = performance.now();
    try {
      const version = await versionOf(this.#parts.own.store(), stream);
      const returned = performance.now();
      this.#parts.history.reads.push({ stream: streamKey(stream), version, invoked, returned });
      return { kind: 'COMPARE_AND_SET', sent: this.#maker.compareAndSet(stream, version) };
    } catch (error) {
      if (!(error instanceof HeadwaterError)) throw error;
      return this.#maker.next();
    }
  }

  async #untilDefinite(sent: RecordedRequest, source: Source): Promise<void> {
    const { random, sources, tally } = this.#parts;
    const began = performance.now();
    let unknown = false;
    for (let client = source; ; client = random.of(sources)) {
      const { kind } = await this.#send(sent, client);
      if (kind === 'UNKNOWN') unknown = sent.signature !== '';
      else if (kind !== 'NOT_APPLIED') {
        tally.decided += 1;
        return;
      }
      // What was surely not applied may be left at that; what nobody knows must be found out.
      if (!unknown && random.chance(0.5)) return;
      if (performance.now() - began > RESOLVE_MS) return;
      tally.resent += 1;
      await new Promise((go) => setTimeout(go, 20 + random.below(130)));
    }
  }

  async #send(sent: RecordedRequest, { name, store }: Source): Promise<AppendResult> {
    const { history, random, shared } = this.#parts;
    const hangUp = random.chance(0.002) ? AbortSignal.timeout(random.below(20)) : undefined;
    const operation: AppendOperation = {
      number: history.operations.length + 1,
      client: name,
      sent,
      invoked: performance.now(),
      returned: Number.POSITIVE_INFINITY,
      result: { kind: 'UNKNOWN', reason: 'UNFINISHED' },
    };
    history.operations.push(operation);
    try {
      const outcome = await store().append(
        { ...sent.request, onConflict: 'RETURN' },
        hangUp ? { signal: hangUp } : {},
      );
      operation.result = resultOf(outcome);
    } catch (error) {
      operation.result = failureOf(error, hangUp);
    }
    operation.returned = performance.now();
    const { result } = operation;
    if (result.kind === 'APPENDED')
      for (const [stream, version] of result.versions) shared.learn(stream, version);
    if (result.kind === 'REFUSED')
      for (const { stream, actual } of result.conflicts) shared.learn(stream, actual);
    return result;
  }
}

async function versionOf(store: EventLog, stream: StreamId): Promise<number> {
  try {
    for await (const { events } of store.load({
      scope: { kind: 'STREAM', stream },
      direction: 'BACKWARDS',
      limit: 1n,
    }))
      for (const { version } of events) return Number(version);
  } catch (error) {
    if (!(error instanceof StreamNotFoundError)) throw error;
  }
  return 0;
}

function resultOf(outcome: AppendOutcome): AppendResult {
  if (outcome.outcome === 'REFUSED')
    return {
      kind: 'REFUSED',
      conflicts: outcome.conflicts.map(({ stream, expected, actual }) => ({
        stream: streamKey(stream),
        expected,
        actual: Number(actual),
      })),
    };
  return {
    kind: 'APPENDED',
    first: Number(outcome.firstPosition),
    last: Number(outcome.lastPosition),
    versions: outcome.versions.map(({ stream, version }) => [streamKey(stream), Number(version)] as const),
    eventIds: outcome.eventIds,
    recordedAt: Number(outcome.recordedAt ?? 0n),
    epoch: Number(outcome.epoch),
    deduplicated: outcome.deduplicated,
  };
}

function failureOf(error: unknown, hangUp: AbortSignal | undefined): AppendResult {
  if (error instanceof EventIdReusedError)
    return { kind: 'REUSED', eventId: error.eventId, position: Number(error.position) };
  if (hangUp?.aborted && error === hangUp.reason) return { kind: 'UNKNOWN', reason: 'ABORTED' };
  if (error instanceof HeadwaterError) return { kind: error.outcome ?? 'UNKNOWN', reason: error.reason };
  return { kind: 'UNKNOWN', reason: String(error) };
}
