import type { CallOptions } from '../core/call-options.js';

/** What a repository keeps: plain data with an id. */
export interface Entity {
  /** 1 to 255 bytes, no control characters. */
  readonly id: string;
}

/** Where the entities of a read model are kept and found. What is given out is the caller's to change, and so is what was put in. */
export interface Repository<T extends Entity> {
  /** The one with the id, or `undefined`. */
  byId(id: string, options?: CallOptions): Promise<T | undefined>;
  /**
   * All by id, by their bytes, as they are when it is their turn: read page by page, so that what is changed meanwhile may
   * be met as it was or as it is, but nothing that stays is left out or met twice.
   */
  all(options?: AllOptions): AsyncIterable<T>;
  /** Puts it in, or in the place of the one with its id. */
  upsert(entity: T, options?: CallOptions): Promise<void>;
  /** Gives whether it was there. */
  remove(id: string, options?: CallOptions): Promise<boolean>;
}

export interface AllOptions extends Pick<CallOptions, 'signal'> {
  /**
   * Those behind this id, such as the last of a page.
   * @default from the first
   */
  readonly after?: string;
  /**
   * At most so many.
   * @default all
   */
  readonly limit?: number;
  /**
   * How many are read at a time, from 1 to 10,000.
   * @default 1000
   */
  readonly pageSize?: number;
}

/** Throws `RangeError` for what cannot be meant. */
export function checkedAll({ after, limit = Infinity, pageSize = 1000 }: AllOptions): {
  readonly after: string | undefined;
  readonly limit: number;
  readonly pageSize: number;
} {
  if (!(Number.isInteger(pageSize) && pageSize >= 1 && pageSize <= 10_000))
    throw new RangeError(`pageSize is ${pageSize}, it must be from 1 to 10000`);
  if (!(limit >= 0) || (Number.isFinite(limit) && !Number.isInteger(limit)))
    throw new RangeError(`limit is ${limit}, it must be a whole number from 0`);
  return { after, limit, pageSize };
}
