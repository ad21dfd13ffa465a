import type { Duplex } from 'node:stream';
import { type BinaryRows, GatheredRows, type Pieces } from './gathered-rows.js';
import { RowSocket } from './row-socket.js';
import { UndescribedQuery } from './undescribed-query.js';

export interface BinaryStatement {
  readonly text: string;
  readonly values: unknown[];
  /** Under which it stays prepared in the connection. */
  readonly name?: string;
}

/**
 * A statement whose rows are not made into values: while it runs, the bytes of its rows are taken off the connection before
 * the driver sees them, and only those; all else that the server says (errors, notices, what has become of it) is the
 * driver's as ever. The driver would make a dozen strings of each row, which was half of what a load cost the service;
 * `npm run bench` (S4) defends it.
 *
 * Results have to be bounded by the statement, for all of them are held.
 */
export class BinaryRowsQuery extends UndescribedQuery {
  /** The rows, when the server is done; without those that were given before. */
  readonly gathered: Promise<BinaryRows>;

  constructor(statement: BinaryStatement, pieces?: Pieces) {
    const gathered = new GatheredRows(pieces);
    let settle: (error: Error | null | undefined) => void = () => undefined;
    const rows = new Promise<BinaryRows>((resolve, reject) => {
      settle = (error) => (error ? reject(error) : resolve(gathered.take()));
    });
    // `binary` and `queryMode` are the driver's, and missing in its types.
    const config = { ...statement, binary: true, queryMode: 'extended' };
    super(config, (error) => settle(error));
    this.gathered = rows;
    const { submit } = this;
    this.submit = (connection) => {
      divert(connection.stream, gathered);
      return submit.call(this, connection);
    };
  }
}

/** Until the server is ready for the next statement, rows go to `gathered`, and the rest to whom all would have gone. */
function divert(socket: Duplex, gathered: GatheredRows): void {
  const listeners = socket.listeners('data') as ((bytes: Buffer) => void)[];
  const others = (bytes: Buffer) => {
    const kept = Buffer.from(bytes);
    for (const listener of listeners) listener.call(socket, kept);
  };
  const lend = (lends: boolean) => {
    if (socket instanceof RowSocket) socket.lends = lends;
  };
  const onData = (bytes: Buffer) => {
    let rest: Buffer | undefined;
    try {
      rest = gathered.add(bytes, others);
    } catch (error) {
      socket.destroy(error as Error);
    }
    if (rest === undefined) return;
    lend(false);
    for (const listener of listeners) socket.on('data', listener);
    socket.off('data', onData);
    // Last, for it may begin the next statement.
    others(rest);
  };
  lend(true);
  socket.on('data', onData);
  for (const listener of listeners) socket.off('data', listener);
}
