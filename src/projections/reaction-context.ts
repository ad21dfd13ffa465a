import type { CallOptions } from '../core/call-options.js';
import { causedBy } from '../core/caused-by.js';
import type { Command, CommandBus, Executed } from '../core/command.js';
import type { Event, NewEvent } from '../core/event.js';
import { DEFAULT_LIMITS } from '../core/limits.js';
import type { StreamId } from '../core/stream.js';
import { validateAppend } from '../core/validate-append.js';
import { nameProblem } from '../core/validate.js';
import { InvalidRequestError } from '../core/errors.js';
import { type Deadline, PENDING_DEADLINES } from './deadlines.js';
import { derivedId } from './derived-id.js';
import type { Emission, Emitter } from './emit.js';
import type { NewDeadline, ReactorContext } from './reactor.js';

export interface ReactionParts {
  readonly reactor: string;
  readonly emitter: Emitter;
  readonly commands: CommandBus | undefined;
  readonly signal: AbortSignal;
}

/** What becomes of the pending deadlines. */
export type DeadlineChange =
  | { readonly kind: 'SET'; readonly deadline: Deadline }
  | { readonly kind: 'CANCEL'; readonly key: string };

/**
 * Gathers what the reactions to one event do; commands are sent at once. Its functions are fields, so that a reaction may
 * take the context apart.
 */
export class ReactionContext implements ReactorContext {
  readonly signal: AbortSignal;
  readonly emission: Emission;
  readonly deadlines: DeadlineChange[] = [];
  readonly #parts: ReactionParts;
  readonly #cause: Event;
  #commands = 0;

  constructor(parts: ReactionParts, cause: Event) {
    this.#parts = parts;
    this.#cause = cause;
    this.signal = parts.signal;
    this.emission = parts.emitter.of(cause);
  }

  readonly append = (stream: StreamId, event: NewEvent): void => this.emission.emit(stream, event);

  readonly linkTo = (stream: StreamId, event: Event): void => this.emission.linkTo(stream, event);

  readonly execute = async (command: Command, options: CallOptions = {}): Promise<Executed> => {
    const { commands, reactor } = this.#parts;
    if (commands === undefined) throw new TypeError(`Reactor ${reactor} was started without a command bus`);
    const number = this.#commands++;
    const commandId = derivedId(this.#cause, [reactor, 'command', String(number)]);
    const metadata = { ...command.metadata, ...causedBy(this.#cause) };
    return commands.execute({ commandId, ...command, metadata }, { signal: this.signal, ...options });
  };

  readonly schedule = ({ at, afterMs = 0, stream, event, key }: NewDeadline): void => {
    if (!Number.isFinite(afterMs)) throw new RangeError(`afterMs is ${afterMs}, it must be a number`);
    if (this.deadlines.length >= PENDING_DEADLINES)
      throw new RangeError(`One reaction schedules at most ${PENDING_DEADLINES} deadlines`);
    const number = String(this.deadlines.length);
    const eventId = this.#parts.emitter.idOf(this.#cause, 'deadline', number);
    const due = at ?? this.#cause.recordedAt + BigInt(Math.round(afterMs * 1000));
    const identified = { ...event, eventId, metadata: { ...event.metadata, ...causedBy(this.#cause) } };
    // Whatever is wrong with it is wrong now, and not when nobody can do anything about it any more.
    validateAppend({ streams: [{ stream, expectedVersion: 'ANY', events: [identified] }] }, DEFAULT_LIMITS);
    const problem = key === undefined ? undefined : nameProblem(key);
    if (problem !== undefined) throw new InvalidRequestError([{ field: 'key', description: problem }]);
    this.deadlines.push({
      kind: 'SET',
      deadline: { key: key ?? eventId, at: due, stream, event: identified },
    });
  };

  readonly cancel = (key: string): void => {
    if (this.deadlines.length >= PENDING_DEADLINES)
      throw new RangeError(`One reaction schedules and cancels at most ${PENDING_DEADLINES} deadlines`);
    this.deadlines.push({ kind: 'CANCEL', key });
  };
}
