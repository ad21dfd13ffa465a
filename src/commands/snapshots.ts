import type { EventStore } from '../core/event-store.js';
import { SNAPSHOT_BYTES } from '../core/snapshot.js';
import type { StreamId } from '../core/stream.js';
import type { Aggregate } from './aggregate.js';

/** Told of what fails without a caller. */
export type OnFailure = (error: unknown, what: string) => void;

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
  ): Promise<{ version: bigint; state: State; bytes: number } | undefined> {
    if (aggregate.snapshots === undefined) return undefined;
    const { codec, schemaVersion } = aggregate.snapshots;
    try {
      const snapshot = await this.#store.getSnapshot(
        stream,
        { schemaVersion, ...(upToVersion === undefined ? {} : { upToVersion }) },
        signal ? { signal } : {},
      );
      if (snapshot === undefined || snapshot.schemaVersion !== schemaVersion) return undefined;
      const { version, data, contentType } = snapshot;
      const state = aggregate.fromSnapshot(codec.validate(codec.parse(data, contentType)));
      return { version, state, bytes: data.byteLength };
    } catch (error) {
      if (signal?.aborted) throw error;
      this.#onFailure(error, `reading a snapshot of ${stream.aggregateType} ${stream.aggregateId}`);
      return undefined;
    }
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
