import { createHash } from 'node:crypto';
import type { AuditEntry } from '../auth/access-admin.js';
import type { Event, Microseconds, NewEvent } from '../core/event.js';
import type { StreamId } from '../core/stream.js';

/** The aggregate type of the streams of the audit, of which there is one a day. */
export const AUDIT_STREAMS = 'Audit';
export const ALLOWED = 'CallAllowed';
export const REFUSED = 'CallRefused';

export function auditStream(now: Microseconds): StreamId {
  const day = new Date(Number(now / 1000n)).toISOString().slice(0, 10);
  return { aggregateType: AUDIT_STREAMS, aggregateId: day };
}

export function toAuditEvent(entry: AuditEntry, eventId: string): NewEvent & { readonly data: Uint8Array } {
  const streams = entry.resources.flatMap((resource) =>
    resource.kind === 'STREAM' ? [resource.stream] : [],
  );
  const text = JSON.stringify(entry, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  return {
    eventId,
    eventType: entry.allowed ? ALLOWED : REFUSED,
    data: new TextEncoder().encode(text),
    contentType: 'application/json',
    tags: [
      ...(entry.principal === '' ? [] : [principalTag(entry.principal)]),
      ...new Set(streams.map(streamTag)),
    ],
  };
}

export function auditEntryOf({ data }: Event): AuditEntry {
  const entry = JSON.parse(new TextDecoder().decode(data)) as Omit<AuditEntry, 'at'> & {
    readonly at: string;
  };
  return { ...entry, at: BigInt(entry.at) };
}

/** A tag has at most as many bytes as a name, so a name goes in as its hash. */
export function principalTag(principal: string): string {
  return `principal:${hashOf(principal)}`;
}

export function streamTag({ aggregateId, aggregateType }: StreamId): string {
  return `stream:${hashOf(JSON.stringify([aggregateType, aggregateId]))}`;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
