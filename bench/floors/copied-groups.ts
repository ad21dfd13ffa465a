import type { ServerDuplexStream } from '@grpc/grpc-js';
import type pg from 'pg';
import { copyBytes, copyCommands } from './copy-in.js';
import { writeCommands, writeCopy } from './copy-writer.js';
import type { CommandRow, FloorRow } from './floor-rows.js';

/**
 * Rows of a COPY at most: of 256 in flight the half, so that each of two lanes has one and the client something to do
 * meanwhile.
 */
const GROUP_ROWS = 128;

/** A pipelined call, which takes several requests a message and answers in bytes. */
export type PipelinedCall<Request> = ServerDuplexStream<readonly Request[], Buffer>;

/** A row that is to be written for a call. */
export interface Requested {
  readonly call: { write(message: Buffer): unknown; emit(event: 'error', error: unknown): unknown };
  readonly row: FloorRow;
  /** Another one, in the table of commands. */
  readonly command?: CommandRow;
  /** The answer, when it is written. */
  answer(): Buffer;
  /** Who is told when it is written. */
  readonly followed?: { publish(rows: readonly FloorRow[]): void };
}

/** Connections of one group: the other one is for commands, which are written at the same time. */
export interface CopyLane {
  readonly events: pg.Client;
  readonly commands: pg.Client;
}

/**
 * Writes rows by COPY, one at a time in each lane: what comes while all are busy goes into the next. With two lanes one group is
 * written while another is flushed, so commits are in no order; and events and commands are written in two transactions.
 */
export class CopiedGroups {
  readonly #free: CopyLane[];
  readonly #schema: string;
  readonly #waiting: Requested[] = [];

  constructor(lanes: readonly CopyLane[], schema: string) {
    this.#free = [...lanes];
    this.#schema = schema;
  }

  add(requested: readonly Requested[]): void {
    this.#waiting.push(...requested);
    while (this.#waiting.length > 0) {
      const lane = this.#free.pop();
      if (lane === undefined) break;
      void this.#copyAll(lane);
    }
  }

  async #copyAll(lane: CopyLane): Promise<void> {
    let copied: readonly Requested[] = [];
    do {
      const group = this.#waiting.splice(0, GROUP_ROWS);
      const copying = group.length > 0 ? this.#copy(lane, group) : undefined;
      // Only now, so that the database does not wait for it.
      answer(copied);
      publish(copied);
      try {
        await copying;
      } catch (error) {
        for (const call of new Set(group.map(({ call }) => call))) call.emit('error', error);
        break;
      }
      copied = group;
    } while (copied.length > 0);
    this.#free.push(lane);
  }

  async #copy({ commands, events }: CopyLane, group: readonly Requested[]): Promise<void> {
    const copying = [copyBytes(events, this.#schema, writeCopy(group.map(({ row }) => row)))];
    const commandRows = group.flatMap(({ command }) => command ?? []);
    if (commandRows.length > 0)
      copying.push(copyCommands(commands, this.#schema, writeCommands(commandRows)));
    await Promise.all(copying);
  }
}

/** One message to each call. */
function answer(group: readonly Requested[]): void {
  const messages = new Map<Requested['call'], Buffer[]>();
  for (const requested of group) {
    const results = messages.get(requested.call) ?? [];
    results.push(requested.answer());
    messages.set(requested.call, results);
  }
  for (const [call, results] of messages) call.write(Buffer.concat(results));
}

function publish(group: readonly Requested[]): void {
  const followed = group[0]?.followed;
  followed?.publish(group.filter((requested) => requested.followed === followed).map(({ row }) => row));
}
