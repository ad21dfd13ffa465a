// What happens to a transfer from one account to another.
import { z } from 'zod';
import { type DecodedBy, eventTypes, json } from '../../src/index.js';
import { TransferDetails } from './account-events.js';

export const transferEvents = eventTypes()
  .register('TransferStarted', { codec: json(TransferDetails.extend({ branch: z.string().min(1) })) })
  .register('TransferSettled', { codec: json(z.object({})) })
  .register('TransferFailed', { codec: json(z.object({ reason: z.string().min(1) })) });

export type TransferEvent = DecodedBy<typeof transferEvents>;
