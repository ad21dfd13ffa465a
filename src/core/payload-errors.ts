import type { FieldViolation } from './errors.js';
import type { Event } from './event.js';

/**
 * The payload of an event cannot be given in the newest shape. Reading it again will not help; `position` says where a
 * follower stands.
 */
export class PayloadError extends Error {
  readonly eventType: string;
  /** As it is stored. */
  readonly schemaVersion: number;
  readonly position: bigint;
  readonly eventId: string;
  /** What is wrong with which field; empty if it is not about fields. */
  readonly violations: readonly FieldViolation[];

  constructor(
    event: Event,
    problem: string,
    options: { readonly cause?: unknown; readonly violations?: readonly FieldViolation[] } = {},
  ) {
    super(
      `${event.eventType} at position ${event.position}, schema version ${event.schemaVersion}: ${problem}`,
      'cause' in options ? { cause: options.cause } : undefined,
    );
    this.name = new.target.name;
    this.eventType = event.eventType;
    this.schemaVersion = event.schemaVersion;
    this.position = event.position;
    this.eventId = event.eventId;
    this.violations = options.violations ?? [];
  }
}

/** The event is of a type that nobody registered. Register it, or let unknown types pass. */
export class UnknownEventTypeError extends PayloadError {
  constructor(event: Event) {
    super(event, 'nobody registered the type');
  }
}

/**
 * The event was written by a newer application than this one, which must not guess what it means. Bring this one up to
 * date.
 */
export class SchemaVersionTooNewError extends PayloadError {
  /** @param registered the newest schema version that is registered here */
  constructor(
    event: Event,
    readonly registered: number,
  ) {
    super(event, `registered here is up to ${registered}; the event was written by a newer application`);
  }
}
