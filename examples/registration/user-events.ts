// What happens to a user. Both events bear a tag for each address that they are about.
import { z } from 'zod';
import { type DecodedBy, eventTypes, json } from '../../src/index.js';

export const userEvents = eventTypes()
  .register('UserRegistered', { codec: json(z.object({ email: z.string() })) })
  .register('EmailChanged', { codec: json(z.object({ from: z.string(), to: z.string() })) });

export type UserEvent = DecodedBy<typeof userEvents>;

/** The tag by which the events about an address are found: upper and lower case are one. */
export function emailTag(email: string): string {
  return `email:${email.normalize('NFKC').toLowerCase()}`;
}
