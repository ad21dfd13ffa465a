import { compareUtf8 } from '../core/utf8-order.js';
import { nameProblem } from '../core/validate.js';
import { InvalidRequestError } from '../core/errors.js';
import { type AllOptions, checkedAll, type Entity, type Repository } from './repository.js';

/** What happened in a repository. */
export type RepositoryChange<T extends Entity> =
  | { readonly kind: 'UPSERTED'; readonly entity: T; readonly former: T | undefined }
  | { readonly kind: 'REMOVED'; readonly former: T };

export interface InMemoryRepositoryOptions {
  /**
   * Entities that it holds; one more is refused with `RangeError`.
   * @default 1_000_000
   */
  readonly capacity?: number;
  /**
   * Told of what an observer throws; the change stands and the other observers are told.
   * @default nobody is
   */
  readonly onFailure?: (error: unknown) => void;
}

/**
 * Entities in memory, for read models that are built at each start, and for tests. Observers are told of every change, in
 * the order of the changes, before the call that makes it resolves.
 *
 * @example
 * const accounts = new InMemoryRepository<{ id: string; balance: number }>();
 * const unsubscribe = accounts.observe((change) => console.log(change.kind));
 */
export class InMemoryRepository<T extends Entity> implements Repository<T> {
  readonly #entities = new Map<string, T>();
  readonly #observers = new Set<(change: RepositoryChange<T>) => void>();
  readonly #changes: RepositoryChange<T>[] = [];
  readonly #options: Required<InMemoryRepositoryOptions>;
  #telling = false;

  constructor({ capacity = 1_000_000, onFailure = () => undefined }: InMemoryRepositoryOptions = {}) {
    this.#options = { capacity, onFailure };
  }

  get size(): number {
    return this.#entities.size;
  }

  async byId(id: string): Promise<T | undefined> {
    return structuredClone(this.#entities.get(id));
  }

  async *all(options: AllOptions = {}): AsyncGenerator<T, void, undefined> {
    const { after, limit } = checkedAll(options);
    const ids = [...this.#entities.keys()].sort(compareUtf8);
    let given = 0;
    for (const id of ids) {
      if (after !== undefined && compareUtf8(id, after) <= 0) continue;
      if (given >= limit) return;
      options.signal?.throwIfAborted();
      const entity = this.#entities.get(id);
      if (entity === undefined) continue;
      given += 1;
      yield structuredClone(entity);
    }
  }

  async upsert(entity: T): Promise<void> {
    const problem = nameProblem(entity.id);
    if (problem !== undefined) throw new InvalidRequestError([{ field: 'id', description: problem }]);
    const former = this.#entities.get(entity.id);
    if (former === undefined && this.#entities.size >= this.#options.capacity)
      throw new RangeError(`The repository holds ${this.#entities.size} entities, which is its capacity`);
    const kept = structuredClone(entity);
    this.#entities.set(entity.id, kept);
    this.#tell({ kind: 'UPSERTED', entity: kept, former });
  }

  async remove(id: string): Promise<boolean> {
    const former = this.#entities.get(id);
    if (former === undefined) return false;
    this.#entities.delete(id);
    this.#tell({ kind: 'REMOVED', former });
    return true;
  }

  /** Calls back at every change; gives how to end that. What observers are handed is shared among them: leave it as it is. */
  observe(observer: (change: RepositoryChange<T>) => void): () => void {
    // A function of its own, so that the same observer may be there twice.
    const one = (change: RepositoryChange<T>) => observer(change);
    this.#observers.add(one);
    return () => this.#observers.delete(one);
  }

  /** An observer that changes the repository has all told of the first change before they are told of the second. */
  #tell(change: RepositoryChange<T>): void {
    if (this.#observers.size === 0) return;
    this.#changes.push(structuredClone(change));
    if (this.#telling) return;
    this.#telling = true;
    for (let next = this.#changes.shift(); next !== undefined; next = this.#changes.shift())
      for (const observer of this.#observers)
        try {
          observer(next);
        } catch (error) {
          this.#options.onFailure(error);
        }
    this.#telling = false;
  }
}
