import type pg from 'pg';
import type { Row } from './database.js';
import { UndescribedQuery } from './undescribed-query.js';

/** A statement whose rows are taken as they come: all columns as text, for each caller reads its own. */
export class TextRowsQuery extends UndescribedQuery {
  /** The rows, when the server is done. */
  readonly answer: Promise<Row[]>;
  readonly #rows: Row[] = [];

  constructor(statement: pg.QueryConfig) {
    let settle: (error: Error | null | undefined) => void = () => undefined;
    super(statement, (error) => settle(error));
    this.answer = new Promise((resolve, reject) => {
      settle = (error) => (error ? reject(error) : resolve(this.#rows));
    });
  }

  /** Called by the driver. */
  handleDataRow({ fields }: { readonly fields: Row }): void {
    this.#rows.push(fields);
  }

  /** Called by the driver where it asks for no preparation, for then the server describes by itself. */
  handleRowDescription(): void {
    // Nothing is to be known of the columns.
  }
}
