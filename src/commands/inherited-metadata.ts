import type { Principal } from '../auth/principal.js';
import type { NewEvent } from '../core/event.js';
import type { Mutable } from '../core/mutable.js';
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
  return withFacts(events, { inherited, facts, principal }, newEventId);
}

/** The events with ids, what they inherit, and who acts. */
export function withActor(
  events: readonly NewEvent[],
  inherited: Readonly<Record<string, string>>,
  principal: Principal,
  newEventId: () => string,
): readonly NewEvent[] {
  return withFacts(events, { inherited, facts: undefined, principal }, newEventId);
}

interface Facts {
  readonly inherited: Readonly<Record<string, string>>;
  /** Stand over what the decision gave. */
  readonly facts:
    | {
        readonly correlation_id: string;
        readonly causation_id: string;
        readonly command_type: string;
      }
    | undefined;
  readonly principal: Principal;
}

function withFacts(
  events: readonly NewEvent[],
  { facts, inherited, principal }: Facts,
  newEventId: () => string,
): readonly NewEvent[] {
  return events.map((event) => {
    const metadata = writable(inherited, event.metadata, principal);
    // Each by its name, which V8 knows: by a name that it has to look up it takes three times as long.
    if (facts !== undefined) {
      metadata['correlation_id'] = facts.correlation_id;
      metadata['causation_id'] = facts.causation_id;
      metadata['command_type'] = facts.command_type;
    }
    if (principal.kind === 'USER') metadata['actor'] = principal.id;
    const { contentType, data, eventType, schemaVersion, tags } = event;
    const named: Mutable<NewEvent> = { eventId: event.eventId ?? newEventId(), eventType, data, metadata };
    if (contentType !== undefined) named.contentType = contentType;
    if (tags !== undefined) named.tags = tags;
    if (schemaVersion !== undefined) named.schemaVersion = schemaVersion;
    return named;
  });
}

/**
 * Both, the event's own over what is inherited. Nobody acts for whom it is only claimed; and what a claim was deleted from would be
 * slow for V8 from then on, four times as dear in all that follows.
 */
function writable(
  inherited: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>> | undefined,
  { kind }: Principal,
): Record<string, string> {
  // V8 makes a spread into an empty object quickly; with more beside it, it takes as long as all the rest here.
  const both: Record<string, string> = own === undefined ? { ...inherited } : { ...inherited, ...own };
  if (kind === 'USER' || !('actor' in both)) return both;
  const { actor: _claimed, ...others } = both;
  return others;
}
