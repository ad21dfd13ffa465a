import type { Command } from 'commander';
import type { StreamId } from '../core/stream.js';
import { streamFrom } from './event-json.js';
import { UsageError } from './exit-codes.js';

/** Lets a command name one stream, as `Account 42`, where both stand as they are, or `Account/42`. */
export function addStreamArgument(command: Command): Command {
  return command
    .argument(
      '<type>',
      'the aggregate type, for example Account; or type and id in one: Account/42 (a slash in the type: %2F)',
    )
    .argument('[id]', 'the aggregate id');
}

/** Throws `UsageError`. */
export function streamOf(type: string, id: string | undefined): StreamId {
  if (id !== undefined) return { aggregateType: type, aggregateId: id };
  if (!type.includes('/'))
    throw new UsageError(
      `${JSON.stringify(type)} is only a type: name the id too, as ${type} 42 or ${type}/42`,
    );
  return streamFrom(type);
}

/** As {@link streamOf} reads it back. */
export { streamText as nameOf } from '../core/stream-text.js';
