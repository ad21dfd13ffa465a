import { ANONYMOUS, type Principal } from '../auth/principal.js';
import type { CallOptions } from '../core/call-options.js';
import type { Command, CommandBus, Executed } from '../core/command.js';
import { CommandNotRegisteredError } from '../core/errors.js';
import type { EventStore } from '../core/event-store.js';
import type { Runtime } from '../core/runtime.js';
import { streamKey } from '../core/stream.js';
import { CarryOut, StaleDecision } from './carry-out.js';
import { commandBody } from './command-body.js';
import { Deadlines } from './deadlines.js';
import type { Decider } from './decider.js';
import {
  type CommandHandler,
  type CommandHandling,
  type CommandMiddleware,
  useMiddleware,
} from './middleware.js';
import { authorization } from './middleware/authorization.js';
import { idempotency } from './middleware/idempotency.js';
import { retry } from './middleware/retry.js';
import { timeout } from './middleware/timeout.js';
import { validation } from './middleware/validation.js';
import { SerialQueues } from './serial-queues.js';

export interface CommandExecutorOptions {
  readonly store: Pick<EventStore, 'append' | 'findCommand' | 'saveSnapshot'>;
  readonly decider: Decider;
  readonly runtime: Runtime;
  /** SHA-256. */
  readonly hash: (bytes: Uint8Array) => Uint8Array;
  /**
   * Everybody may send every command, whatever the policies say.
   * @default false
   */
  readonly everybody?: boolean;
  /**
   * Around every command, the first outermost; it sees each command once, whatever is tried again inside.
   * @default none
   */
  readonly middleware?: readonly CommandMiddleware[];
  /**
   * How often a command is decided at most, if what it was decided on has changed each time.
   * @default 10
   */
  readonly attempts?: number;
  /**
   * Commands of one aggregate that wait for the one before; more are refused with `OverloadedError`.
   * @default 1000
   */
  readonly queueLength?: number;
  /** Told of what fails without a caller: a snapshot that could not be kept. */
  readonly onFailure?: (error: unknown, what: string) => void;
}

export interface ExecuteOptions extends CallOptions {
  /**
   * Who sends the command.
   * @default nobody in particular
   */
  readonly principal?: Principal;
}

/** Milliseconds that a caller without a signal waits, unless he says otherwise. */
const DEFAULT_TIMEOUT = 5000;

/**
 * Has commands decided and appends what they come to.
 *
 * In this order: the middleware that was handed in, may the principal send it, is it well-formed, was it carried out
 * before, is it its turn. Commands of one aggregate are decided one after the other in this process, since side by side all
 * but one would be in vain; other processes are met at the append, whose expected version is the one decided on. A command
 * whose aggregate, condition or checks have changed meanwhile is decided again, unless it names the version that it
 * expects.
 *
 * @example
 * const executor = new CommandExecutor({ store, decider, runtime: systemRuntime, hash: sha256 });
 * await executor.execute({ commandType: 'OpenAccount', data: { kind: 'JSON', bytes } }, { principal });
 */
export class CommandExecutor implements CommandBus {
  readonly #options: CommandExecutorOptions;
  readonly #carryOut: CarryOut;
  readonly #deadlines: Deadlines;
  readonly #handler: CommandHandler;
  /** Commands whose id was made here cannot have been carried out before. */
  readonly #handlerOfNew: CommandHandler;

  constructor(options: CommandExecutorOptions) {
    const { store, decider, runtime, middleware = [], attempts = 10, queueLength = 1000 } = options;
    if (!(Number.isInteger(attempts) && attempts >= 1))
      throw new RangeError(`attempts is ${attempts}, it must be a whole number from 1`);
    this.#options = options;
    this.#carryOut = new CarryOut(options);
    this.#deadlines = new Deadlines(runtime);
    const queues = new SerialQueues(queueLength);
    const queued: CommandMiddleware = (next) => (handled, signal) =>
      queues.run(streamKey(handled.aggregate), () => next(handled, signal), signal);
    const isRetryable = (error: unknown) => error instanceof StaleDecision;
    // Where everybody may everything there is nothing to ask.
    const authorized = options.everybody ? [] : [authorization()];
    const outside = [...middleware, ...authorized, validation()];
    const inside = [conflictsAsErrors, queued, retry({ runtime, attempts, isRetryable })];
    const decide: CommandHandler = (handled, signal) => this.#carryOut.handle(handled, decider, signal);
    this.#handler = useMiddleware([...outside, idempotency({ store }), ...inside], decide);
    this.#handlerOfNew = useMiddleware([...outside, ...inside], decide);
  }

  /** See `CommandBus`; `timeoutMilliseconds` is 5,000 unless it or a signal is given. */
  async execute(command: Command, options: ExecuteOptions = {}): Promise<Executed> {
    const { runtime, decider, hash } = this.#options;
    const { signal, principal = ANONYMOUS } = options;
    signal?.throwIfAborted();
    const type = decider.commandTypes.get(command.commandType);
    if (type === undefined)
      throw decider.missing?.(command.commandType) ?? new CommandNotRegisteredError(command.commandType);
    const handling: CommandHandling = {
      kind: 'COMMAND',
      command: hasId(command) ? command : { ...command, commandId: runtime.newEventId() },
      type,
      bodyHash: hash(commandBody(command)),
      aggregate: {
        aggregateType: type.aggregateType,
        aggregateId: command.aggregateId ?? runtime.newEventId(),
      },
      principal,
      attempt: 1,
    };
    const handler = command.commandId === undefined ? this.#handlerOfNew : this.#handler;
    const { timeoutMilliseconds: milliseconds } = options;
    if (signal === undefined)
      return this.#deadlines.within(milliseconds ?? DEFAULT_TIMEOUT, (late) => handler(handling, late));
    const timed = milliseconds === undefined ? handler : timeout({ runtime, milliseconds })(handler);
    return timed(handling, signal);
  }

  /** Resolves when nothing is under way in the background: snapshots that are being kept. */
  settled(): Promise<void> {
    return this.#carryOut.settled();
  }
}

function hasId(command: Command): command is CommandHandling['command'] {
  return command.commandId !== undefined;
}

/** When all tries were in vain, the conflict itself is the answer. */
const conflictsAsErrors: CommandMiddleware = (next) => async (handled, signal) => {
  try {
    return await next(handled, signal);
  } catch (error) {
    throw error instanceof StaleDecision ? error.cause : error;
  }
};
