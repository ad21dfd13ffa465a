import type { EventStore } from '../core/event-store.js';
import { SNAPSHOT_BYTES, type Snapshot } from '../core/snapshot.js';
import type { StreamId } from '../core/stream.js';
import type { Aggregate } from './aggregate.js';

/** Told of what fails without a caller. */
export type OnFailure = (error: unknown, what: string) => void;

/** A state out of a snapshot. */
export interface KeptState<State> {
  readonly version: bigint;
  readonly state: State;
  /** Of the snapshot. */
  readonly bytes: number;
}

/** Keeps snapshots and finds them; whatever goes wrong with one is reported and never in anybody's way. */
export class Snapshots {
  readonly #store: Pick<EventStore, 'getSnapshot' | 'saveSnapshot'>;
  readonly #onFailure: OnFailure;
  readonly #saving = new Set<Promise<void>>();

  constructor(store: Pick<EventStore, 'getSnapshot' | 'saveSnapshot'>, onFailure: OnFailure) {
    this.#store = store;
    this.#onFailure = onFailure;
  }

  /** The newest state that is kept, up to a version; `undefined` also if it cannot be read. */
  async nearest<State>(
    aggregate: Aggregate<State>,
    stream: StreamId,
    { upToVersion, signal }: { upToVersion?: bigint | undefined; signal?: AbortSignal | undefined },
  ): Promise<KeptState<State> | undefined> {
    if (aggregate.snapshots === undefined) return undefined;
    const { schemaVersion } = aggregate.snapshots;
    let snapshot: Snapshot | undefined;
    try {
      snapshot = await this.#store.getSnapshot(
        stream,
        { schemaVersion, ...(upToVersion === undefined ? {} : { upToVersion }) },
        signal ? { signal } : {},
      );
    } catch (error) {
      if (signal?.aborted) throw error;
      this.#unreadable(error, stream);
      return undefined;
    }
    return snapshot && this.decoded(aggregate, stream, snapshot);
  }

  /** The state that a snapshot holds; `undefined` if it is of another shape, or cannot be read. */
  decoded<State>(
    aggregate: Aggregate<State>,
    stream: StreamId,
    { contentType, data, schemaVersion, version }: Snapshot,
  ): KeptState<State> | undefined {
    if (aggregate.snapshots?.schemaVersion !== schemaVersion) return undefined;
    const { codec } = aggregate.snapshots;
    try {
      const state = aggregate.fromSnapshot(codec.validate(codec.parse(data, contentType)));
      return { version, state, bytes: data.byteLength };
    } catch (error) {
      this.#unreadable(error, stream);
      return undefined;
    }
  }

  #unreadable(error: unknown, { aggregateId, aggregateType }: StreamId): void {
    this.#onFailure(error, `reading a snapshot of ${aggregateType} ${aggregateId}`);
  }

  /** Keeps the state in the background. */
  keep<State>(aggregate: Aggregate<State>, stream: StreamId, version: bigint, state: State): void {
    const saving = this.#save(aggregate, stream, version, state)
      .catch((error: unknown) =>
        this.#onFailure(error, `keeping a snapshot of ${stream.aggregateType} ${stream.aggregateId}`),
      )
      .finally(() => this.#saving.delete(saving));
    this.#saving.add(saving);
  }

  /** Resolves when nothing is on its way. */
  async settled(): Promise<void> {
    while (this.#saving.size > 0) await Promise.all(this.#saving);
  }

  async #save<State>(
    aggregate: Aggregate<State>,
    stream: StreamId,
    version: bigint,
    state: State,
  ): Promise<void> {
    if (aggregate.snapshots === undefined) return;
    const { codec, schemaVersion } = aggregate.snapshots;
    // Encoded before anything is waited for: the state may change afterwards.
    const data = codec.encode(aggregate.toSnapshot(state));
    if (data.byteLength > SNAPSHOT_BYTES)
      throw new RangeError(`The state is ${data.byteLength} bytes long, the limit is ${SNAPSHOT_BYTES}`);
    await this.#store.saveSnapshot(stream, { version, data, contentType: codec.contentType, schemaVersion });
  }
}
