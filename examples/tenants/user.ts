// A user. Deleted is an event of the domain, and not the deletion of the stream: what a deleted user did is still to be read.
import { z } from 'zod';
import { CommandRejectedError, type DecideContext, defineAggregate, json } from '../../src/index.js';
import { type DirectoryEvents, directoryEvents, Name, tagOf } from './events.js';
import { holderOf } from './holder.js';
import { systemAdmin } from './policies.js';
import { type Presence, refuseDeleted, refusePresent } from './presence.js';

interface UserState {
  readonly presence: Presence;
  readonly name: string;
  readonly email: string;
}

const ABSENT: UserState = { presence: 'ABSENT', name: '', email: '' };

export const user = defineAggregate({
  type: 'User',
  events: directoryEvents,
  initialState: ABSENT,
  evolve: (state, { eventType, payload }): UserState => {
    if (eventType === 'UserCreated') return { presence: 'PRESENT', ...payload };
    return eventType === 'UserDeleted' ? { ...state, presence: 'DELETED' } : state;
  },
  commands: {
    CreateUser: {
      data: json(z.object({ name: Name, email: z.email().max(120) })),
      policies: [systemAdmin],
      decide: async (state, { name, email }, context) => {
        refusePresent('USER', state.presence);
        await refuseTaken('NAME', tagOf.userName(name), context);
        await refuseTaken('EMAIL', tagOf.userEmail(email), context);
        const tags = tagsOf(context.aggregate.aggregateId, name, email);
        return [directoryEvents.encode('UserCreated', { name, email }, { tags })];
      },
    },
    DeleteUser: {
      data: json(z.object({})),
      existence: 'MUST_EXIST',
      policies: [systemAdmin],
      decide: ({ presence, name, email }, _data, { aggregate }) => {
        refuseDeleted('USER', presence);
        // With all the tags of the creation, so that whoever looks for the name finds that it is free again.
        const tags = tagsOf(aggregate.aggregateId, name, email);
        return [directoryEvents.encode('UserDeleted', {}, { tags })];
      },
    },
  },
});

function tagsOf(id: string, name: string, email: string): readonly string[] {
  return [tagOf.user(id), tagOf.userName(name), tagOf.userEmail(email)];
}

async function refuseTaken(
  what: 'NAME' | 'EMAIL',
  tag: string,
  context: DecideContext<DirectoryEvents>,
): Promise<void> {
  if ((await holderOf(tag, context)) !== undefined)
    throw new CommandRejectedError(`${what}_TAKEN`, `Another user has this ${what.toLowerCase()}`, {
      code: 'ALREADY_EXISTS',
    });
}
