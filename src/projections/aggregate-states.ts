import { InvalidRequestError } from '../core/errors.js';
import type { PayloadCodec } from '../core/payload-codec.js';
import type {
  AggregateProgress,
  ProjectionFailure,
  ProjectionLease,
  ProjectionLeases,
} from '../core/projections.js';
import { streamKey, type StreamId } from '../core/stream.js';
import type { LogPosition } from '../core/subscribe.js';
import { PROJECTION_AGGREGATES, progressBytes } from '../core/validate-projection.js';

/** Bytes of the state of one aggregate, and of what is saved at a time. */
export const AGGREGATE_STATE_BYTES = 3 * 1024 * 1024;
/** Bytes of states that are kept in memory, as they are saved. */
const CACHED_BYTES = 64 * 1024 * 1024;

/** An aggregate as it was saved, or is to be. */
export interface Standing<State> {
  readonly stream: StreamId;
  readonly version: bigint;
  readonly state: State;
  /** The state as it is saved; empty: the initial one. */
  readonly bytes: Uint8Array;
  readonly failure: ProjectionFailure | undefined;
}

export interface AggregateStatesOptions<State> {
  readonly projections: Pick<ProjectionLeases, 'load' | 'save'>;
  readonly lease: ProjectionLease;
  readonly codec: PayloadCodec<State>;
  readonly initialState: () => State;
  readonly cachedAggregates: number;
}

/** Where aggregates stand, in memory and in the service. What is in memory holds as long as the lease does. */
export class AggregateStates<State> {
  readonly #options: AggregateStatesOptions<State>;
  /** In the order of use. */
  readonly #cache = new Map<string, Standing<State>>();
  #bytes = 0;
  #contentType = '';

  constructor(options: AggregateStatesOptions<State>) {
    this.#options = options;
  }

  /** Those asked for, by key, in as few answers as they fit into. */
  async load(
    streams: readonly StreamId[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Standing<State>>> {
    const found = new Map<string, Standing<State>>();
    const missing: StreamId[] = [];
    for (const stream of streams) {
      const key = streamKey(stream);
      const cached = this.#cache.get(key);
      if (cached === undefined) missing.push(stream);
      else found.set(key, cached);
    }
    for (let first = 0; first < missing.length; first += PROJECTION_AGGREGATES)
      for (const one of await this.#ask(missing.slice(first, first + PROJECTION_AGGREGATES), signal))
        found.set(streamKey(one.stream), one);
    for (const stream of missing) {
      const key = streamKey(stream);
      if (!found.has(key)) found.set(key, this.#new(stream));
    }
    return found;
  }

  /** Those that failed and are to be tried again now. */
  async due(signal: AbortSignal): Promise<readonly Standing<State>[]> {
    const { projections, lease } = this.#options;
    const { name, generation } = lease;
    const { aggregates, contentType } = await projections.load({ name, generation, due: true }, { signal });
    this.#contentType = contentType;
    return aggregates.map((one) => this.#standing(one));
  }

  /** How far the projection has come, as it was saved. */
  async position(signal: AbortSignal): Promise<LogPosition> {
    const { projections, lease } = this.#options;
    const { name, generation } = lease;
    return (await projections.load({ name, generation }, { signal })).position;
  }

  /**
   * Saves them: in several saves, of which only the last moves the position, if they are too large for one. What was saved
   * before a crash is not handled again, since each has its version.
   */
  async save(
    changed: readonly Standing<State>[],
    position: { readonly from: LogPosition; readonly to: LogPosition },
    signal: AbortSignal,
  ): Promise<void> {
    const { projections, lease, codec } = this.#options;
    const { contentType } = codec;
    const parts = inParts(changed.map(progressOf));
    for (const [index, aggregates] of parts.entries()) {
      const last = index === parts.length - 1;
      const save = { position: last ? position.to : position.from, aggregates, contentType };
      await projections.save(lease, save, { signal });
    }
    for (const one of changed) this.#keep(one);
  }

  /** Forgets what is in memory. */
  clear(): void {
    this.#cache.clear();
    this.#bytes = 0;
  }

  /** The state as it was saved, whatever became of the object meanwhile. */
  fresh(bytes: Uint8Array): State {
    const { codec, initialState } = this.#options;
    if (bytes.byteLength === 0) return initialState();
    return codec.validate(codec.parse(bytes, this.#contentType || codec.contentType));
  }

  /** Asks for half as many where their states are too large for one answer. */
  async #ask(streams: readonly StreamId[], signal: AbortSignal): Promise<readonly Standing<State>[]> {
    const { projections, lease } = this.#options;
    const { name, generation } = lease;
    try {
      const { aggregates, contentType } = await projections.load({ name, generation, streams }, { signal });
      this.#contentType = contentType;
      return aggregates.map((one) => this.#standing(one));
    } catch (error) {
      if (!(error instanceof InvalidRequestError) || streams.length === 1) throw error;
      const half = Math.ceil(streams.length / 2);
      return [
        ...(await this.#ask(streams.slice(0, half), signal)),
        ...(await this.#ask(streams.slice(half), signal)),
      ];
    }
  }

  #standing({ stream, version, state, failure }: AggregateProgress): Standing<State> {
    return { stream, version, state: this.fresh(state), bytes: state, failure };
  }

  #new(stream: StreamId): Standing<State> {
    const bytes = new Uint8Array();
    return { stream, version: 0n, state: this.fresh(bytes), bytes, failure: undefined };
  }

  #keep(one: Standing<State>): void {
    const { cachedAggregates } = this.#options;
    const key = streamKey(one.stream);
    this.#forget(key);
    this.#cache.set(key, one);
    this.#bytes += one.bytes.byteLength;
    for (const oldest of this.#cache.keys()) {
      if (this.#cache.size <= cachedAggregates && this.#bytes <= CACHED_BYTES) return;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    this.#bytes -= this.#cache.get(key)?.bytes.byteLength ?? 0;
    this.#cache.delete(key);
  }
}

function progressOf<State>({ stream, version, bytes, failure }: Standing<State>): AggregateProgress {
  return { stream, version, state: bytes, failure };
}

/** At least one, so that the position is saved. */
function inParts(all: readonly AggregateProgress[]): readonly (readonly AggregateProgress[])[] {
  const parts: AggregateProgress[][] = [[]];
  let bytes = 0;
  for (const one of all) {
    const last = parts.at(-1) ?? [];
    if (
      last.length === PROJECTION_AGGREGATES ||
      (last.length > 0 && bytes + progressBytes(one) > AGGREGATE_STATE_BYTES)
    ) {
      parts.push([one]);
      bytes = 0;
    } else last.push(one);
    bytes += progressBytes(one);
  }
  return parts;
}
