import { readFileSync } from 'node:fs';
import type { Stall } from './followers-process.js';

/** An event as the log has it in the end. */
export interface FollowedEvent {
  readonly position: number;
  /** `Account/a-1` */
  readonly stream: string;
  readonly version: number;
  readonly eventId: string;
  readonly eventType: string;
  readonly amount: number;
  /** The event that it answers; empty: none. */
  readonly causationId: string;
}

/** What one process did about one event, once. Times are milliseconds of the machine's clock. */
export interface Handling {
  readonly process: string;
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly eventId: string;
  readonly began: number;
  /** Infinite: it failed, or its process died. */
  ended: number;
}

/** Something that follows the log, in however many processes. */
export interface Follower {
  readonly name: string;
  /** Which events are its own. */
  readonly wants: (event: FollowedEvent) => boolean;
  /** Whether it promises the order of each stream over all of its processes. */
  readonly ordered: boolean;
  /** How many events one fault may have it handle again; undefined: what is in flight elsewhere counts too. */
  readonly again: number | undefined;
  readonly handlings: readonly Handling[];
}

/** What was settled at a moment, as the tables told it. */
export interface Sample {
  /** When the answer was there. */
  readonly at: number;
  /** By the name of a group: the positions of its slots. */
  readonly slots: ReadonlyMap<string, readonly number[]>;
  /** By the name of a projection: what is kept with its state or tables. */
  readonly kept: ReadonlyMap<string, number>;
  /** `group Account/a-1` */
  readonly parked: readonly string[];
  /** `projection Account/a-1` */
  readonly failed: readonly string[];
}

/** A fault that was done. */
export interface FollowerFault {
  readonly kind: string;
  /** A process, or nobody in particular. */
  readonly target: string;
  readonly began: number;
  readonly ended: number;
}

export interface AckedAppend {
  readonly eventIds: readonly string[];
  readonly lastPosition: number;
}

/** What was seen while it ran. */
export interface FollowersHistory {
  readonly followers: readonly Follower[];
  readonly appends: readonly AckedAppend[];
  readonly samples: readonly Sample[];
  readonly faults: readonly FollowerFault[];
  readonly stalls: readonly Stall[];
  /** Processes that ended by themselves, with what they said. */
  readonly accidents: readonly string[];
  /** The stream that could not be handled for a while. */
  readonly poisoned: string;
}

export interface Sum {
  readonly amount: number;
  readonly events: number;
}

/** What is there when all have caught up. */
export interface FollowersOutcome {
  readonly log: readonly FollowedEvent[];
  /** Positions of the rows that the group's handlers have written. */
  readonly effects: readonly number[];
  /** By account. */
  readonly balances: ReadonlyMap<string, Sum>;
  readonly totals: { readonly amount: number; readonly events: Readonly<Record<string, number>> };
  /** By account. */
  readonly standings: ReadonlyMap<string, Sum & { readonly version: number }>;
  /** Kinds of things of which nothing should be left, once all have stopped, and how many there are. */
  readonly left: Readonly<Record<string, number>>;
}

type Line =
  | { readonly b: number; readonly s: string; readonly v: number; readonly i: string; readonly t: number }
  | { readonly e: number; readonly t: number };

/** What a process wrote down in one life. A line that its death cut short is left out. */
export function handlingsIn(file: string, process: string): readonly Handling[] {
  const handlings: Handling[] = [];
  const open = new Map<number, Handling>();
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  for (const text of lines) {
    const line = JSON.parse(text) as Line;
    if ('b' in line) {
      const { b: position, i: eventId, s: stream, t: began, v: version } = line;
      const one = { process, position, stream, version, eventId, began, ended: Number.POSITIVE_INFINITY };
      handlings.push(one);
      open.set(position, one);
    } else {
      const one = open.get(line.e);
      if (one !== undefined) one.ended = line.t;
      open.delete(line.e);
    }
  }
  return handlings;
}
