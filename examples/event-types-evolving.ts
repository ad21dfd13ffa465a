// How event types change over the years: validated payloads, new names, one event that becomes several, protobuf.
import { z } from 'zod';
import { StreamIdSchema } from '../gen/headwater/v1/stream_pb.js';
import { eventTypes, into, json, protobuf } from '../src/index.js';

/** Validated on the way in and on the way out. */
const Opened = z.object({ owner: z.string().min(1), currency: z.string().length(3).default('EUR') });

export const validated = eventTypes().register('AccountOpened', { codec: json(Opened) });

/** Was called AccountCreated once, is not written any more, and still loads. */
export const renamed = validated.retire('AccountCreated', {
  codec: json(),
  upcasters: {
    1: ({ name }: { name: string }) =>
      into({ eventType: 'AccountOpened', schemaVersion: 1, payload: { owner: name } }),
  },
});

/** One event that should have been two, and one that nobody needs any more. */
export const split = eventTypes()
  .register('Withdrawn', { codec: json<{ amount: number }>() })
  .register('Deposited', { codec: json<{ amount: number }>() })
  .retire('Transferred', {
    codec: json(),
    upcasters: {
      1: ({ amount }: { amount: number }) =>
        into(
          { eventType: 'Withdrawn', schemaVersion: 1, payload: { amount } },
          { eventType: 'Deposited', schemaVersion: 1, payload: { amount } },
        ),
    },
  })
  .retire('ScreenOpened', { codec: json(), upcasters: { 1: () => into() } });

/** Was JSON, is protobuf now. StreamId stands for a message of your own. */
export const moved = eventTypes().register('AccountFollowed', {
  schemaVersion: 2,
  codec: protobuf(StreamIdSchema),
  upcasters: {
    1: {
      codec: json(),
      upcast: ({ account }: { account: string }) => ({ aggregateType: 'Account', aggregateId: account }),
    },
  },
});
