// Who has a name, an address or a role now, by the tag of the events that gave it and took it away.
import type { DecideContext } from '../../src/index.js';
import type { DirectoryEvents } from './events.js';

/**
 * The aggregate that was created with the tag and is not deleted. A decision that asks stands only if the answer is still so
 * when it is appended.
 */
export async function holderOf(
  tag: string,
  context: DecideContext<DirectoryEvents>,
): Promise<string | undefined> {
  let holder: string | undefined;
  for (const { eventType, stream } of await context.query({ tags: [tag] })) {
    if (eventType.endsWith('Created')) holder = stream.aggregateId;
    else if (stream.aggregateId === holder) holder = undefined;
  }
  return holder;
}
