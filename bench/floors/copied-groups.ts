import type { ServerDuplexStream } from '@grpc/grpc-js';
import type pg from 'pg';
import { encodeAppendResult } from '../../src/wire/append-results.js';
import type { NumberedAppend } from '../../src/wire/decode-append.js';
import { copyBytes } from './copy-in.js';
import { writeCopy } from './copy-writer.js';
import type { FloorRow } from './floor-rows.js';
import { appendedRow, requestedRow } from './requested-row.js';

/**
 * Rows of a COPY at most: of 256 in flight the half, so that each of two connections has one and the client something to do
 * meanwhile.
 */
const GROUP_ROWS = 128;

type Call = ServerDuplexStream<readonly NumberedAppend[], Buffer>;

interface Waiting {
  readonly call: Call;
  readonly correlation: bigint;
  readonly row: FloorRow;
}

/**
 * Serves AppendStream by COPY, one at a time on each connection: what comes while all are busy goes into the next. With two
 * connections one group is written while another is flushed, so commits are in no order.
 */
export class CopiedAppends {
  readonly #free: pg.Client[];
  readonly #composedSchema: string;
  readonly #waiting: Waiting[] = [];

  constructor(clients: readonly pg.Client[], composedSchema: string) {
    this.#free = [...clients];
    this.#composedSchema = composedSchema;
  }

  serve(call: Call): void {
    call.on('data', (requests: readonly NumberedAppend[]) => {
      for (const { append, correlation } of requests)
        this.#waiting.push({ call, correlation, row: requestedRow(append) });
      while (this.#waiting.length > 0) {
        const client = this.#free.pop();
        if (client === undefined) break;
        void this.#copyAll(client);
      }
    });
    call.on('end', () => call.end());
  }

  async #copyAll(client: pg.Client): Promise<void> {
    let copied: readonly Waiting[] = [];
    do {
      const group = this.#waiting.splice(0, GROUP_ROWS);
      const rows = writeCopy(group.map(({ row }) => row));
      const copying = group.length > 0 ? copyBytes(client, this.#composedSchema, rows) : undefined;
      // Only now, so that the database does not wait for it.
      answer(copied);
      try {
        await copying;
      } catch (error) {
        for (const call of new Set(group.map(({ call }) => call))) call.emit('error', error);
        break;
      }
      copied = group;
    } while (copied.length > 0);
    this.#free.push(client);
  }
}

/** One message to each call. */
function answer(group: readonly Waiting[]): void {
  const messages = new Map<Call, Buffer[]>();
  for (const { call, correlation, row } of group) {
    const results = messages.get(call) ?? [];
    results.push(encodeAppendResult(correlation, appendedRow(row)));
    messages.set(call, results);
  }
  for (const [call, results] of messages) call.write(Buffer.concat(results));
}
