import type { ServerDuplexStream } from '@grpc/grpc-js';
import type pg from 'pg';
import { encodeAppendResult } from '../../src/wire/append-results.js';
import type { NumberedAppend } from '../../src/wire/decode-append.js';
import { copyRows } from './copy-in.js';
import type { FloorRow } from './floor-rows.js';
import { appendedRow, requestedRow } from './requested-row.js';

/**
 * Rows of a COPY at most: of 256 in flight the half, so that service and client have something to do while the database writes
 * the other.
 */
const GROUP_ROWS = 128;

type Call = ServerDuplexStream<readonly NumberedAppend[], Buffer>;

interface Waiting {
  readonly call: Call;
  readonly correlation: bigint;
  readonly row: FloorRow;
}

/** Serves AppendStream by COPY: what comes while one is under way goes into the next. */
export class CopiedAppends {
  readonly #client: pg.Client;
  readonly #composedSchema: string;
  readonly #waiting: Waiting[] = [];
  #copying = false;

  constructor(client: pg.Client, composedSchema: string) {
    this.#client = client;
    this.#composedSchema = composedSchema;
  }

  serve(call: Call): void {
    call.on('data', (requests: readonly NumberedAppend[]) => {
      for (const { append, correlation } of requests)
        this.#waiting.push({ call, correlation, row: requestedRow(append) });
      if (!this.#copying) void this.#copyAll();
    });
    call.on('end', () => call.end());
  }

  async #copyAll(): Promise<void> {
    this.#copying = true;
    let copied: readonly Waiting[] = [];
    do {
      const group = this.#waiting.splice(0, GROUP_ROWS);
      const copying =
        group.length > 0
          ? copyRows(
              this.#client,
              this.#composedSchema,
              group.map(({ row }) => row),
            )
          : undefined;
      // Only now, so that the database does not wait for it.
      answer(copied);
      try {
        await copying;
      } catch (error) {
        for (const call of new Set(group.map(({ call }) => call))) call.emit('error', error);
      }
      copied = group;
    } while (copied.length > 0);
    this.#copying = false;
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
