import type { Client } from '@grpc/grpc-js';
import type { CommandTypeInfo } from '../auth/command-type.js';
import {
  CommandRejectedError,
  DeadlineExceededError,
  InvalidRequestError,
  StoreUnavailableError,
} from '../core/errors.js';
import type { Runtime } from '../core/runtime.js';
import type { Outcome, Registration } from '../wire/worker.js';
import { backoff } from './backoff.js';
import type { Channels } from './channels.js';
import { isTransient } from './failure.js';
import { WorkerCall, type WorkerTask } from './worker-call.js';

export type { WorkerTask } from './worker-call.js';

/** What a command comes to. */
export type WorkerDecision = Omit<Outcome & { readonly kind: 'ACCEPTED' }, 'kind'>;

export interface HandleOptions {
  /** What it decides. Workers that name the same type share its commands, and must describe it alike. */
  readonly commands: readonly (Pick<CommandTypeInfo, 'commandType' | 'aggregateType'> &
    Partial<CommandTypeInfo>)[];
  /**
   * Decides a command on the snapshot and the events that come along. Throws `CommandRejectedError` where the domain
   * refuses, `InvalidRequestError` for data that is wrong. Anything else is reported to `onFailure`, and the sender is
   * refused with `WORKER_FAILED`.
   */
  readonly decide: (task: WorkerTask, signal: AbortSignal) => WorkerDecision | Promise<WorkerDecision>;
  /** For the logs of the service. */
  readonly name?: string;
  /**
   * Commands at a time; at most 1,000.
   * @default 16
   */
  readonly maxInFlight?: number;
  /**
   * Told why a command could not be decided, or a connection was lost; the worker goes on.
   * @default nobody is
   */
  readonly onFailure?: (error: unknown) => void;
}

/** A worker that decides commands until it is stopped. */
export interface CommandWorker {
  /** Resolves when it is registered with one service. */
  readonly ready: Promise<void>;
  /** Resolves when it has stopped; with the failure if a service does not take it as it is. */
  readonly ended: Promise<{ readonly failure?: Error }>;
  /** Takes no more commands, answers those that it has, and ends. May be called twice. */
  stop(): Promise<void>;
}

export interface HandleParts {
  readonly channels: Channels;
  readonly runtime: Runtime;
  /** Aborted when the connection is closed. */
  readonly closed: AbortSignal;
}

/**
 * Connects a worker to the service; to each of its addresses, since an instance routes among the workers that are
 * connected to it. A lost call is opened again.
 */
export function handle(parts: HandleParts, options: HandleOptions): CommandWorker {
  const registration: Registration = {
    name: options.name ?? '',
    commands: options.commands.map((command) => ({ existence: 'ANY', policies: [], ...command })),
    maxInFlight: options.maxInFlight ?? 16,
    keepsState: false,
  };
  const stopping = new AbortController();
  let ready: () => void = () => undefined;
  const whenReady = new Promise<void>((resolve) => {
    ready = resolve;
  });
  const keep = (client: Client) =>
    keepConnected(client, { ...parts, ...options, registration, stopping, onReady: () => ready() });
  const ended = Promise.all(parts.channels.all.map(keep)).then((ends) => {
    const failure = ends.find((error) => error !== undefined);
    return failure === undefined ? {} : { failure };
  });
  return {
    ready: Promise.race([
      whenReady,
      ended.then(({ failure }) => {
        if (failure !== undefined) throw failure;
      }),
    ]),
    ended,
    stop: async () => {
      stopping.abort(new Error('The worker stops'));
      await ended;
    },
  };
}

interface Kept extends HandleParts, Pick<HandleOptions, 'decide' | 'onFailure'> {
  readonly registration: Registration;
  readonly stopping: AbortController;
  readonly onReady: () => void;
}

/** One call after the other, until the worker stops or is refused; gives why it was. */
async function keepConnected(client: Client, kept: Kept): Promise<Error | undefined> {
  const { closed, onFailure = () => undefined, onReady, registration, runtime, stopping } = kept;
  for (let failures = 1; !stopping.signal.aborted && !closed.aborted; failures++) {
    const error = await new Promise<Error | undefined>((resolve) => {
      const call = new WorkerCall(client, registration, {
        onRegistered: () => {
          failures = 0;
          onReady();
        },
        decide: (task, signal) => outcomeOf(kept, task, signal),
        onEnd: (why) => {
          stopping.signal.removeEventListener('abort', leave);
          closed.removeEventListener('abort', cancel);
          resolve(why);
        },
      });
      const leave = () => call.leave();
      const cancel = () => call.cancel();
      stopping.signal.addEventListener('abort', leave, { once: true });
      closed.addEventListener('abort', cancel, { once: true });
    });
    if (error === undefined || stopping.signal.aborted || closed.aborted) return undefined;
    onFailure(error);
    // A proxy may end calls that last long.
    if (!isTransient(error) && !(error instanceof DeadlineExceededError)) {
      // One that is refused here shall not go on elsewhere as if nothing were wrong.
      stopping.abort(error);
      return error;
    }
    const atLeast = error instanceof StoreUnavailableError ? error.retryAfterMilliseconds : 0;
    await runtime.sleep(backoff(failures, runtime, atLeast), stopping.signal).catch(() => undefined);
  }
  return undefined;
}

async function outcomeOf(
  { decide, onFailure = () => undefined }: Kept,
  task: WorkerTask,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    return { kind: 'ACCEPTED', ...(await decide(task, signal)) };
  } catch (error) {
    if (error instanceof CommandRejectedError) return { kind: 'REJECTED', error };
    if (error instanceof InvalidRequestError) {
      const options = { code: 'INVALID_ARGUMENT' } as const;
      return { kind: 'REJECTED', error: new CommandRejectedError('INVALID_COMMAND', error.message, options) };
    }
    if (!signal.aborted) onFailure(error);
    const message = 'The worker failed to decide the command';
    const failed = new CommandRejectedError('WORKER_FAILED', message, { code: 'ABORTED' });
    return { kind: 'REJECTED', error: failed };
  }
}
