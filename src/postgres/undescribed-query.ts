import pg from 'pg';

/**
 * A statement whose columns the server is not asked to describe: whoever reads its rows knows what is in them. The driver asks
 * each time, also where the statement is prepared, and makes an object of each column's description.
 */
export class UndescribedQuery extends pg.Query {
  constructor(config: pg.QueryConfig, settle: (error: Error | null | undefined) => void) {
    super(config, undefined, (error) => settle(error));
    const { submit } = this;
    this.submit = (connection) => submit.call(this, withoutDescribe(connection));
  }
}

const describesNothing = new WeakMap<pg.Connection, pg.Connection>();

/** The same connection for all but one message. */
function withoutDescribe(connection: pg.Connection): pg.Connection {
  let known = describesNothing.get(connection);
  if (known === undefined) {
    known = Object.create(connection, { describe: { value: () => undefined } }) as pg.Connection;
    describesNothing.set(connection, known);
  }
  return known;
}
