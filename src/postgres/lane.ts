import type pg from 'pg';
import type { Row } from './database.js';
import { giveBack, leavesUnharmed } from './give-back.js';
import { TextRowsQuery } from './text-rows.js';

/** What a lane works with. */
export interface LaneParts {
  /** A connection that takes statements without waiting for answers. */
  readonly borrow: () => Promise<pg.PoolClient>;
  /** Runs a statement, for so long as a statement may take, the wait for those in front of it included. */
  readonly ask: <T>(client: pg.PoolClient, statement: () => Promise<T>) => Promise<T>;
  /** Gives the statement the name under which it stays prepared. */
  readonly named: <T>(
    text: string,
    prepared: string,
    run: (named: { readonly name?: string }) => Promise<T>,
  ) => Promise<T>;
}

/** A connection, for as long as a statement is under way in it. */
interface Held {
  readonly client: Promise<pg.PoolClient>;
  statements: number;
}

/**
 * A connection for statements that follow each other without waiting for the answers: the server has the next one when it is
 * done with the one before, each still in a transaction of its own and in the order in which they were asked. If the connection
 * breaks, all that are under way fail. One that is refused does not stop those behind it.
 *
 * Pipelining as in https://www.postgresql.org/docs/current/libpq-pipeline-mode.html, with a synchronization point behind each.
 */
export class Lane {
  readonly #parts: LaneParts;
  #held: Held | undefined;

  constructor(parts: LaneParts) {
    this.#parts = parts;
  }

  /** Runs one statement that stays prepared. Rejects with the driver's error; `sqlstate.ts` tells what it means. */
  async query(text: string, values: readonly unknown[], prepared: string): Promise<Row[]> {
    const { borrow, ask, named } = this.#parts;
    const held = (this.#held ??= { client: borrow(), statements: 0 });
    held.statements += 1;
    let client: pg.PoolClient | undefined;
    let broken = true;
    try {
      const borrowed = (client = await held.client);
      const rows = await named(text, prepared, (name) =>
        ask(borrowed, () => borrowed.query(new TextRowsQuery({ text, values: [...values], ...name })).answer),
      );
      broken = false;
      return rows;
    } catch (error) {
      broken = !leavesUnharmed(error);
      throw error;
    } finally {
      held.statements -= 1;
      if (this.#held === held && (broken || held.statements === 0)) {
        this.#held = undefined;
        if (client) giveBack(client, broken);
      }
    }
  }
}
