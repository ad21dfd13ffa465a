// The server makes the id of what is created, whatever the request says: nothing, the nil UUID, or an id that nobody has. An
// id that is used goes through, so that it is said that it is there already, or deleted.
import { type CommandMiddleware, type EventStore, StreamNotFoundError } from '../../src/index.js';

const NIL = '00000000-0000-0000-0000-000000000000';

export interface ServerMadeIdsOptions {
  readonly store: Pick<EventStore, 'getStream'>;
  readonly newId: () => string;
  /** The command types that create something. */
  readonly creating: ReadonlySet<string>;
}

/**
 * Two who want the same unused id at the same moment get two others. A command that is sent again with its id is answered
 * as the first time, with the id that was made then.
 */
export function serverMadeIds({ store, newId, creating }: ServerMadeIdsOptions): CommandMiddleware {
  return (next) => async (handled, signal) => {
    const { aggregate, command } = handled;
    const { aggregateId: wanted } = command;
    if (wanted === undefined || !creating.has(command.commandType)) return next(handled, signal);
    if (wanted !== NIL && (await isUsed())) return next(handled, signal);
    return next({ ...handled, aggregate: { ...aggregate, aggregateId: newId() } }, signal);

    async function isUsed(): Promise<boolean> {
      try {
        await store.getStream(aggregate, { signal });
        return true;
      } catch (error) {
        if (error instanceof StreamNotFoundError) return false;
        throw error;
      }
    }
  };
}
