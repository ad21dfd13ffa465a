import { HeadwaterError } from '../../core/errors.js';
import type { LogFields, Logger } from '../../core/logger.js';
import type { Runtime } from '../../core/runtime.js';
import { type AnyMiddleware, type Handling, typeOf } from '../middleware.js';

export interface LoggingOptions {
  readonly logger: Logger;
  readonly runtime: Pick<Runtime, 'monotonic'>;
}

/** Writes a line for each command or event: what it was, how long it took, what became of it; never what it carried. */
export function logging({ logger, runtime }: LoggingOptions): AnyMiddleware {
  return (next) => async (handled, signal) => {
    const begun = runtime.monotonic();
    const fields = () => ({ ...named(handled), milliseconds: Math.round(runtime.monotonic() - begun) });
    try {
      const answer = await next(handled, signal);
      logger.info(`${typeOf(handled)} done`, fields());
      return answer;
    } catch (error) {
      const type = typeOf(handled);
      if (error instanceof HeadwaterError)
        logger.info(`${type} refused`, { ...fields(), reason: error.reason });
      else
        logger.error(`${type} failed`, {
          ...fields(),
          error: error instanceof Error ? error.name : typeof error,
        });
      throw error;
    }
  };
}

function named(handled: Handling): LogFields {
  if (handled.kind === 'EVENT') {
    const { eventId, stream, version, position } = handled.event;
    return { event_id: eventId, ...stream, version, position };
  }
  const { command, aggregate, principal } = handled;
  return {
    command_id: command.commandId,
    ...aggregate,
    ...(principal.kind === 'USER' ? { principal: principal.id } : {}),
  };
}
