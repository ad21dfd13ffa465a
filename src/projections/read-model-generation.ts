import { HeadwaterError } from '../core/errors.js';
import type { DecodedEvent, PayloadTypes } from '../core/event-types.js';
import type { Event } from '../core/event.js';
import { ProjectionConflictError } from '../core/follower-errors.js';
import type { SqlClient } from '../core/sql-client.js';
import type { LogPosition } from '../core/subscribe.js';
import { type Batch, type GenerationWork, HandlerError } from './projection-work.js';
import { type HandlerContext, HandlerTable, type OpenExtension } from './projector-handlers.js';
import type { Checkpoint } from './read-model-checkpoints.js';
import { compareSchemas } from './read-model-compare.js';
import { quoted, schemaOf } from './read-model-names.js';
import { makeTables, type ReadModelParts, useSchema } from './read-model-open.js';
import { CommitRefusedError, inTransaction, isDatabasesFault, sqlstateOf } from './read-model-transaction.js';
import { mayPass } from './runner-backoff.js';

/** Tables that were replaced and are still read are tried to be dropped again after so many seconds. */
const RETIRE_SECONDS = 30;

interface GenerationParts<Types extends PayloadTypes, More extends object, Client extends SqlClient>
  extends ReadModelParts<Types, More, Client> {
  readonly extension: OpenExtension<More> | undefined;
}

/** The tables of one generation, written under one lease. */
export class ReadModelGeneration<Types extends PayloadTypes, More extends object, Client extends SqlClient>
  implements GenerationWork
{
  position: LogPosition | undefined;
  readonly #parts: GenerationParts<Types, More, Client>;
  readonly #table: HandlerTable<Types, [Client, DecodedEvent<Types> | Event, HandlerContext & More], unknown>;
  /** Seconds until what was replaced is tried to be dropped. */
  #retireIn: number | undefined;

  constructor(parts: GenerationParts<Types, More, Client>, position: LogPosition | undefined) {
    this.#parts = parts;
    this.#table = new HandlerTable(parts.definition.on as never, parts.definition.events);
    this.position = position;
  }

  async handle(batch: Batch, signal: AbortSignal): Promise<void> {
    try {
      await this.#handle(batch, signal);
    } catch (error) {
      if (!(error instanceof CommitRefusedError)) throw error;
      const [first] = batch.events;
      if (first === undefined) throw error;
      if (batch.events.length === 1) throw new HandlerError(first, error.cause ?? error);
      await this.#oneByOne(batch, signal);
    }
  }

  async reset(
    { resetNumber, deleteEmitted }: { readonly resetNumber: bigint; readonly deleteEmitted: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const { definition, checkpoints, extension } = this.#parts;
    const { name, schema, reset } = definition;
    if (reset === undefined && schema === undefined)
      throw new ProjectionConflictError(
        name,
        `Read model ${name} has neither a schema of its own nor a function that resets it`,
      );
    if (deleteEmitted) await extension?.deleteEmitted?.(signal);
    this.position = await this.#locked(signal, async (client, checkpoint) => {
      if (checkpoint.resetNumber >= resetNumber) return checkpoint.position;
      if (reset) {
        await useSchema(client, definition, checkpoint);
        await reset(client);
      } else {
        await client.query(`DROP SCHEMA IF EXISTS ${this.#schema(checkpoint)} CASCADE`);
        await makeTables(client, definition, checkpoint);
      }
      await checkpoints.reset(client, checkpoint.generation, resetNumber);
      return undefined;
    });
  }

  async delete({ deleteEmitted }: { readonly deleteEmitted: boolean }, signal: AbortSignal): Promise<void> {
    const { definition, checkpoints, extension } = this.#parts;
    if (deleteEmitted) await extension?.deleteEmitted?.(signal);
    await this.#locked(signal, async (client, checkpoint) => {
      // With the live one goes what is built beside it, whoever builds it.
      const others = (await checkpoints.lockAll(client)).filter(({ live }) => checkpoint.live && !live);
      for (const one of [checkpoint, ...others]) {
        await useSchema(client, definition, one);
        await definition.delete?.(client);
        if (definition.schema !== undefined && definition.delete === undefined)
          await client.query(`DROP SCHEMA IF EXISTS ${this.#schema(one)} CASCADE`);
        await checkpoints.delete(client, one.generation);
      }
    });
  }

  compare(signal: AbortSignal): Promise<string> {
    const { pool, timeouts, lease, definition } = this.#parts;
    const { schema } = definition;
    if (schema === undefined) return Promise.resolve('');
    return inTransaction(
      pool,
      {
        isolation: 'REPEATABLE READ READ ONLY',
        statementTimeoutMs: timeouts.compareTimeoutMs,
        lockTimeoutMs: timeouts.lockTimeoutMs,
        signal,
      },
      (client) => compareSchemas(client, schema, schemaOf(schema, lease.generation)),
    );
  }

  /**
   * Both schemas are renamed and both checkpoints changed in one transaction, so a reader sees the one or the other. If
   * another runner has the live one, the lock of its checkpoint keeps it where it is until this one is there, too: it would
   * be ahead for ever otherwise, where events come without a pause.
   */
  async promote(signal: AbortSignal, catchUp: (to: bigint) => Promise<boolean>): Promise<boolean> {
    const { pool, timeouts, checkpoints, lease, definition } = this.#parts;
    const { schema = '' } = definition;
    return await inTransaction(pool, { ...timeouts, signal }, async (client) => {
      const live = await checkpoints.lockLive(client);
      const other = live?.generation === lease.generation ? undefined : live;
      const to = other?.position?.position ?? 0n;
      if (to > (this.position?.position ?? 0n) && !(await catchUp(to))) return false;
      const own = await checkpoints.lock(client, lease);
      if (own.live) return true;
      if (to > (own.position?.position ?? 0n)) return false;
      if (other) {
        await rename(client, schema, schemaOf(schema, other.generation));
        await checkpoints.setLive(client, other.generation, false);
      }
      await rename(client, schemaOf(schema, own.generation), schema);
      await checkpoints.setLive(client, own.generation, true);
      this.#retireIn = 1;
      return true;
    });
  }

  async tick(signal: AbortSignal): Promise<void> {
    if (this.#retireIn === undefined) return;
    this.#retireIn -= 1;
    if (this.#retireIn <= 0) await this.dropRetired(signal);
  }

  /** Drops what was replaced. Who still reads it in a long transaction is waited for, but not for long: others would wait. */
  async dropRetired(signal: AbortSignal): Promise<void> {
    const { pool, timeouts, checkpoints, definition, lease } = this.#parts;
    const { schema } = definition;
    if (schema === undefined) return;
    try {
      await inTransaction(pool, { ...timeouts, lockTimeoutMs: 1_000, signal }, async (client) => {
        const all = await checkpoints.lockAll(client);
        const live = all.find((one) => one.live)?.generation ?? 0n;
        // A generation that was built before this one and thrown away is left to this one, too.
        const end = lease.live || lease.generation < live ? live : lease.generation;
        for (const { generation } of all.filter((one) => !one.live && one.generation < end)) {
          await client.query(`DROP SCHEMA IF EXISTS ${quoted(schemaOf(schema, generation))} CASCADE`);
          await checkpoints.delete(client, generation);
        }
      });
      this.#retireIn = undefined;
    } catch {
      signal.throwIfAborted();
      this.#retireIn = RETIRE_SECONDS;
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #handle({ events, after, upTo }: Batch, signal: AbortSignal): Promise<void> {
    const { checkpoints, definition, lease } = this.#parts;
    await this.#locked(signal, async (client, checkpoint) => {
      const stands = checkpoint.position?.position;
      // Its COMMIT came through, and the answer did not.
      if (stands === upTo.position) return;
      if (stands === undefined ? this.position !== undefined : stands !== after) {
        this.position = checkpoint.position;
        throw new Error(
          `The checkpoint of ${lease.name} stands at ${stands ?? 'its beginning'} and not at ${after}`,
        );
      }
      if (events.length > 0) await useSchema(client, definition, checkpoint);
      for (const event of events) await this.#handleEvent(client, event, checkpoint, signal);
      await checkpoints.move(client, lease, upTo).catch((error: unknown) => {
        const last = events.at(-1);
        // A handler has swallowed the error of a statement, and what follows in the transaction is refused.
        if (last && sqlstateOf(error) === '25P02') throw new HandlerError(last, error);
        throw error;
      });
    });
    this.position = upTo;
  }

  async #handleEvent(
    client: Client,
    event: Event,
    { generation, live, resetNumber }: Checkpoint,
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    const context = { event, signal, generation, live, resetNumber };
    const { extension } = this.#parts;
    const extended = extension?.begin(context);
    if (extension && !extended) return;
    try {
      for (const one of this.#table.handlersOf(event))
        await one.handler(client, one.event, { ...context, ...(extended?.more as More) });
      await extended?.done(signal);
    } catch (error) {
      signal.throwIfAborted();
      if (isDatabasesFault(error) || (error instanceof HeadwaterError && mayPass(error))) throw error;
      throw new HandlerError(event, error);
    }
  }

  /** A deferred constraint says only at the end that one of the events cannot be: which one, each shows by itself. */
  async #oneByOne({ events, after, upTo }: Batch, signal: AbortSignal): Promise<void> {
    let before = after;
    for (const event of events) {
      const { epoch } = upTo;
      const position = { position: event.position, ...(epoch === undefined ? {} : { epoch }) };
      await this.handle({ events: [event], after: before, upTo: position }, signal);
      before = event.position;
    }
    if (before !== upTo.position) await this.handle({ events: [], after: before, upTo }, signal);
  }

  /** A transaction that has locked the checkpoint, and so is the only one that writes these tables. */
  #locked<Result>(
    signal: AbortSignal,
    run: (client: Client, checkpoint: Checkpoint) => Promise<Result>,
  ): Promise<Result> {
    const { pool, timeouts, checkpoints, lease } = this.#parts;
    return inTransaction(pool, { ...timeouts, signal }, async (client) =>
      run(client, await checkpoints.lock(client, lease)),
    );
  }

  #schema({ generation, live }: Checkpoint): string {
    const { schema = '' } = this.#parts.definition;
    return quoted(live ? schema : schemaOf(schema, generation));
  }
}

async function rename(client: SqlClient, from: string, to: string): Promise<void> {
  await client.query(`ALTER SCHEMA ${quoted(from)} RENAME TO ${quoted(to)}`);
}
