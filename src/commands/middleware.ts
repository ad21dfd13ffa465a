import type { Principal } from '../auth/principal.js';
import type { Command, Executed } from '../core/command.js';
import type { Event } from '../core/event.js';
import type { StreamId } from '../core/stream.js';
import type { CommandTypeInfo } from './decider.js';

/** A command on its way to be decided. */
export interface CommandHandling {
  readonly kind: 'COMMAND';
  readonly command: Command & { readonly commandId: string };
  readonly type: CommandTypeInfo;
  /** Of what makes the command the same when it is sent again: 32 bytes. */
  readonly bodyHash: Uint8Array;
  /** Of a command without aggregate id: the new one. */
  readonly aggregate: StreamId;
  readonly principal: Principal;
  /** 1 for the first try. */
  readonly attempt: number;
}

/** An event on its way to who handles it. */
export interface EventHandling {
  readonly kind: 'EVENT';
  readonly event: Event;
  /** 1 for the first try. */
  readonly attempt: number;
}

export type Handling = CommandHandling | EventHandling;

/** Handles a command, or an event; ends when the signal is aborted. */
export type Handler<Input extends Handling, Output> = (input: Input, signal: AbortSignal) => Promise<Output>;
export type CommandHandler = Handler<CommandHandling, Executed>;
export type EventHandler = Handler<EventHandling, void>;

/** Wraps a handler. Of several, the first is outermost: it sees the command first and the answer last. */
export type Middleware<Input extends Handling, Output> = (
  next: Handler<Input, Output>,
) => Handler<Input, Output>;
export type CommandMiddleware = Middleware<CommandHandling, Executed>;
export type EventMiddleware = Middleware<EventHandling, void>;
/** Middleware that looks at nothing in which commands and events differ. */
export type AnyMiddleware = <Input extends Handling, Output>(
  next: Handler<Input, Output>,
) => Handler<Input, Output>;

/**
 * The handler with the middleware around it, the first outermost.
 *
 * @example
 * const handle = useMiddleware([logging({ logger }), retry({ runtime })], async ({ event }) => project(event));
 */
export function useMiddleware<Input extends Handling, Output>(
  middleware: readonly Middleware<Input, Output>[],
  handler: Handler<Input, Output>,
): Handler<Input, Output> {
  return middleware.reduceRight((next, around) => around(next), handler);
}

/** What is handled, in one word. */
export function typeOf(handled: Handling): string {
  return handled.kind === 'COMMAND' ? handled.command.commandType : handled.event.eventType;
}
