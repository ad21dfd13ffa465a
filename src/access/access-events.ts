import { z } from 'zod';
import type { RoleBinding } from '../auth/principal.js';
import type { Event, NewEvent } from '../core/event.js';
import type { StreamId } from '../core/stream.js';

/** What is written about who may what, each in the stream of whom or what it is about. */
export type AccessEvent =
  | { readonly type: 'RoleGranted'; readonly data: { readonly binding: RoleBinding; readonly by: string } }
  | { readonly type: 'RoleRevoked'; readonly data: { readonly binding: RoleBinding; readonly by: string } }
  | { readonly type: 'TokenCreated'; readonly data: TokenCreated }
  | { readonly type: 'TokenRevoked'; readonly data: { readonly by: string } };

export interface TokenCreated {
  readonly name: string;
  readonly principal: string;
  readonly bindings: readonly RoleBinding[];
  /** SHA-256 of the secret part, in hex. The secret has 256 bits of chance, so that no slower hash is needed. */
  readonly hash: string;
  /** In microseconds since 1970, as text; without: for ever. */
  readonly expiresAt?: string;
  readonly by: string;
}

/** The aggregate types of these streams. */
export const PRINCIPAL_STREAMS = 'Principal';
export const TOKEN_STREAMS = 'ApiToken';

export function principalStream(principal: string): StreamId {
  return { aggregateType: PRINCIPAL_STREAMS, aggregateId: principal };
}

export function tokenStream(tokenId: string): StreamId {
  return { aggregateType: TOKEN_STREAMS, aggregateId: tokenId };
}

export function toNewEvent({ type, data }: AccessEvent): NewEvent {
  return {
    eventType: type,
    data: new TextEncoder().encode(JSON.stringify(data)),
    contentType: 'application/json',
  };
}

const binding = z.object({ role: z.string(), scope: z.string(), resource: z.string().optional() }).transform(
  ({ resource, role, scope }): RoleBinding => ({
    role,
    scope,
    ...(resource === undefined ? {} : { resource }),
  }),
);
const role = z.object({ binding, by: z.string() });
const told = z.discriminatedUnion('type', [
  z.object({ type: z.literal('RoleGranted'), data: role }),
  z.object({ type: z.literal('RoleRevoked'), data: role }),
  z.object({
    type: z.literal('TokenCreated'),
    data: z.object({
      name: z.string(),
      principal: z.string(),
      bindings: z.array(binding),
      hash: z.string().regex(/^[0-9a-f]{64}$/),
      expiresAt: z
        .string()
        .regex(/^\d{1,19}$/)
        .optional(),
      by: z.string(),
    }),
  }),
  z.object({ type: z.literal('TokenRevoked'), data: z.object({ by: z.string() }) }),
]);

/** What an event says; `undefined` for one of a later version, or of somebody who wrote into this log by hand. */
export function accessEventOf({ data, eventType }: Event): AccessEvent | undefined {
  try {
    const parsed = told.safeParse({ type: eventType, data: JSON.parse(new TextDecoder().decode(data)) });
    return parsed.success ? (parsed.data as AccessEvent) : undefined;
  } catch {
    return undefined;
  }
}
