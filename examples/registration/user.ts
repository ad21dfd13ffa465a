// An e-mail address belongs to one user, whoever asks for it at the same moment: no table of addresses, no lock.
import { z } from 'zod';
import {
  CommandRejectedError,
  type DecideContext,
  defineAggregate,
  type EventTypesOf,
  json,
  policy,
} from '../../src/index.js';
import { emailTag, userEvents } from './user-events.js';

/** The form on the website, which everybody may fill in. */
const website = policy().withRole('website').withScope('registration');
/** Who looks after users. */
const support = policy().withRole('support').withScope('registration');

const Email = z.object({ email: z.email().max(200) });

export const user = defineAggregate({
  type: 'User',
  events: userEvents,
  initialState: { email: '' },
  evolve: (_state, { eventType, payload }) => ({
    email: eventType === 'UserRegistered' ? payload.email : payload.to,
  }),
  commands: {
    RegisterUser: {
      data: json(Email),
      existence: 'MUST_NOT_EXIST',
      policies: [website, support],
      decide: async (_state, { email }, context) => {
        await refuseTaken(email, context);
        return [userEvents.encode('UserRegistered', { email }, { tags: [emailTag(email)] })];
      },
    },
    ChangeEmail: {
      data: json(Email),
      existence: 'MUST_EXIST',
      policies: [support],
      decide: async (state, { email }, context) => {
        if (email === state.email) return [];
        await refuseTaken(email, context);
        // Upper and lower case may be all that changes; an event bears no tag twice.
        const tags = [...new Set([emailTag(state.email), emailTag(email)])];
        return [userEvents.encode('EmailChanged', { from: state.email, to: email }, { tags })];
      },
    },
  },
});

/**
 * Folds what has happened to an address. That it was asked is enough: the decision stands only if no such event has come
 * when it is appended; if one has, all this is done again, and then it is refused.
 */
async function refuseTaken(
  email: string,
  context: DecideContext<EventTypesOf<typeof userEvents>>,
): Promise<void> {
  const tag = emailTag(email);
  let holder: string | undefined;
  for (const { eventType, payload, stream } of await context.query({ tags: [tag] })) {
    const address = eventType === 'UserRegistered' ? payload.email : payload.to;
    holder = emailTag(address) === tag ? stream.aggregateId : undefined;
  }
  if (holder !== undefined && holder !== context.aggregate.aggregateId)
    throw new CommandRejectedError('EMAIL_TAKEN', `The address ${email} is taken`, {
      code: 'ALREADY_EXISTS',
      facts: { email },
    });
}
