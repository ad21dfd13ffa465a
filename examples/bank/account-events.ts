// What happens to an account. Money is in whole cents.
import { z } from 'zod';
import { type DecodedBy, eventTypes, json } from '../../src/index.js';

export const Cents = z.int().positive();

/** The same in every step of a transfer, so that whoever sees one step knows all that the next one needs. */
export const TransferDetails = z.object({
  transferId: z.string().min(1),
  from: z.string().min(1),
  to: z.string().min(1),
  amount: Cents,
});
export type TransferDetails = z.infer<typeof TransferDetails>;

const Refused = TransferDetails.extend({ reason: z.string().min(1) });

export const accountEvents = eventTypes()
  .register('AccountOpened', {
    codec: json(z.object({ branch: z.string().min(1), owner: z.string().min(1), limit: Cents })),
  })
  .register('LimitChanged', { codec: json(z.object({ limit: Cents })) })
  .register('Deposited', { codec: json(z.object({ amount: Cents })) })
  .register('Withdrawn', { codec: json(z.object({ amount: Cents })) })
  .register('AccountFrozen', { codec: json(z.object({ because: z.string() })) })
  .register('AccountReleased', { codec: json(z.object({})) })
  .register('TransferDebited', { codec: json(TransferDetails) })
  .register('TransferDebitRefused', { codec: json(Refused) })
  .register('TransferCredited', { codec: json(TransferDetails) })
  .register('TransferCreditRefused', { codec: json(Refused) })
  .register('TransferRefunded', { codec: json(Refused) });

export type AccountEvent = DecodedBy<typeof accountEvents>;
