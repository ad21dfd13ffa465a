import type { Principal } from '../auth/principal.js';
import type { NewEvent } from '../core/event.js';
import type { CommandHandling } from './middleware.js';

/**
 * The events as they are appended: with an id, and with the facts that they inherit.
 *
 * Over the command's metadata (of which `traceparent` and all else passes) and what the decision gave stand those that are
 * known here: `correlation_id`, which is kept from cause to effect and begins with the command's id; `causation_id`, the
 * command's id; `actor`, the principal's id, never one that the caller claims; `command_type`.
 *
 * Ids are new with each decision and not derived from the command's id: decided again the events may be others, and
 * an id that stood for one event would stand for another. That a command is not carried out twice is the ledger's doing,
 * which is written in the same commit. And ids that rise with time keep the index on them small.
 */
export function inheriting(
  events: readonly NewEvent[],
  { command, principal }: CommandHandling,
  newEventId: () => string,
): readonly NewEvent[] {
  const inherited = command.metadata ?? {};
  const facts = {
    correlation_id: inherited['correlation_id'] ?? command.commandId,
    causation_id: command.commandId,
    command_type: command.commandType,
  };
  const known = events.map((event) => ({ ...event, metadata: { ...event.metadata, ...facts } }));
  return withActor(known, inherited, principal, newEventId);
}

/** The events with ids, what they inherit, and who acts. */
export function withActor(
  events: readonly NewEvent[],
  inherited: Readonly<Record<string, string>>,
  principal: Principal,
  newEventId: () => string,
): readonly NewEvent[] {
  const actor = principal.kind === 'USER' ? { actor: principal.id } : {};
  return events.map((event) => {
    const { actor: _claimed, ...metadata } = { ...inherited, ...event.metadata };
    return { ...event, eventId: event.eventId ?? newEventId(), metadata: { ...metadata, ...actor } };
  });
}
