import pg from 'pg';
import { type Bind, bindMessage } from './bind-message.js';

/**
 * A statement whose columns the server is not asked to describe: whoever reads its rows knows what is in them. The driver asks
 * each time, also where the statement is prepared, and makes an object of each column's description.
 */
export class UndescribedQuery extends pg.Query {
  constructor(config: pg.QueryConfig, settle: (error: Error | null | undefined) => void) {
    super(config, undefined, (error) => settle(error));
    const { submit } = this;
    this.submit = (connection) => submit.call(this, asWeSend(connection));
  }
}

const ours = new WeakMap<pg.Connection, pg.Connection>();

/** The same connection but for two messages: it describes nothing, and what is bound is written by us. */
function asWeSend(connection: pg.Connection): pg.Connection {
  let known = ours.get(connection);
  if (known === undefined) {
    known = Object.create(connection, {
      describe: { value: () => undefined },
      bind: {
        value: (bind: Bind) => connection.stream.writable && connection.stream.write(bindMessage(bind)),
      },
    }) as pg.Connection;
    ours.set(connection, known);
  }
  return known;
}
