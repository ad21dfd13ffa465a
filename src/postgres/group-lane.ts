import type { Runtime } from '../core/runtime.js';
import type { Database, Row } from './database.js';
import type { Lane } from './lane.js';
import { quotedSchema } from './schema.js';

/** One of the functions that write a group. */
export interface GroupFunction {
  readonly name: string;
  /** What is taken of its row. */
  readonly columns: string;
  readonly parameters: number;
  /**
   * In SQL, by its row: whether the group was written, so that those behind it may be.
   * @default true
   */
  readonly written?: string;
}

/** A call of one, and how its name begins where it is prepared. */
export interface GroupStatement {
  readonly text: string;
  readonly name: string;
}

/** The group in front was not written, and so this one neither. */
export type NotFollowed = 'NOT_FOLLOWED';

/** Behind the function's own parameters come the group's name, and that of the one it follows. */
export function groupStatement(schema: string, called: GroupFunction): GroupStatement {
  const { columns, name, parameters, written = 'true' } = called;
  const places = Array.from({ length: parameters }, (_, index) => `$${index + 1}`).join(', ');
  const group = `$${parameters + 1}::text`;
  const follows = `$${parameters + 2}::text`;
  const text =
    `SELECT ${columns}, CASE WHEN ${written} THEN set_config('headwater.group', ${group}, false) END ` +
    `FROM ${quotedSchema(schema)}.${name}(${places}) ` +
    // Has to do with no row, so it is looked at first, and where it does not hold the function is not called.
    `WHERE ${follows} IS NULL OR current_setting('headwater.group', true) = ${follows}`;
  return { text, name };
}

/**
 * The connection for groups, which need not wait for each other there: one can be sent while another is under way, so that the
 * database goes on with it at once. It is written only if that one was, for what was asked later must not be decided earlier:
 * each that is written leaves its name in the session, and the next one asks for it.
 */
export class GroupLane {
  readonly #lane: Lane;
  readonly #database: Database;
  /** Where a pooler shares sessions out, another instance's names may be in them. */
  readonly #nameBeginning: string;
  #sent = 0;
  /** How many groups are under way; the last one of them is `#sent`. */
  #underWay = 0;

  constructor(database: Database, runtime: Pick<Runtime, 'newEventId'>) {
    this.#database = database;
    this.#lane = database.lane();
    this.#nameBeginning = runtime.newEventId();
  }

  /** Whether a group may be sent behind the one that was sent last: that is still under way. */
  get isBusy(): boolean {
    return this.#underWay > 0 && !this.#database.isPooled;
  }

  /**
   * Calls the function. Resolves with its row, when that is committed; rejects with the driver's error.
   *
   * @param follows whether it goes behind the one that was sent last; then it resolves with undefined where that was not written
   */
  async send(
    { name, text }: GroupStatement,
    parameters: readonly unknown[],
    { follows }: { readonly follows: boolean },
  ): Promise<Row | undefined> {
    const followed = follows ? this.#name() : null;
    this.#sent += 1;
    this.#underWay += 1;
    try {
      const [row] = await this.#lane.query(text, [...parameters, this.#name(), followed], name);
      return row;
    } finally {
      this.#underWay -= 1;
    }
  }

  #name(): string {
    return `${this.#nameBeginning} ${this.#sent}`;
  }
}
