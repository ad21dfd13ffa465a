import type { Executed } from '../../core/command.js';
import { CommandIdReusedError, HeadwaterError, type Reason } from '../../core/errors.js';
import type { EventStore } from '../../core/event-store.js';
import { answerOfLedger } from '../ledger-answer.js';
import type { CommandMiddleware } from '../middleware.js';

export interface IdempotencyOptions {
  readonly store: Pick<EventStore, 'findCommand'>;
}

/** What a command that was carried out may be refused with when it is decided again. */
const REFUSALS: ReadonlySet<Reason> = new Set([
  'COMMAND_REJECTED',
  'INVALID_REQUEST',
  'STREAM_NOT_FOUND',
  'STREAM_DELETED',
  'WRONG_EXPECTED_VERSION',
  'APPEND_CONDITION_FAILED',
]);

/**
 * Answers a command that was carried out before as the first time, also where it would be refused now; fails with
 * `CommandIdReusedError` if its id was used for another.
 *
 * The ledger is asked only when a command is refused: one that is accepted asks it in its own append, before all else. So
 * a command costs one round trip and not two; what a repeat costs is a decision that is not used.
 */
export function idempotency({ store }: IdempotencyOptions): CommandMiddleware {
  return (next) => async (handled, signal) => {
    try {
      return await next(handled, signal);
    } catch (error) {
      if (!(error instanceof HeadwaterError && REFUSALS.has(error.reason))) throw error;
      const answer = await firstAnswer();
      if (answer === undefined) throw error;
      return answer;
    }

    async function firstAnswer(): Promise<Executed | undefined> {
      const { command, bodyHash, aggregate } = handled;
      const ledger = await store.findCommand(command.commandId, { signal });
      if (ledger === undefined) return undefined;
      if (!sameBytes(ledger.bodyHash, bodyHash)) throw new CommandIdReusedError(command.commandId);
      return answerOfLedger(ledger, aggregate);
    }
  };
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.byteLength === other.byteLength && one.every((byte, index) => byte === other[index]);
}
