import { createHash, randomBytes } from 'node:crypto';
import type { ApiToken, MadeToken } from '../auth/access-admin.js';
import type { RoleBinding } from '../auth/principal.js';
import { LogEpochChangedError, StoreUnavailableError, WrongExpectedVersionError } from '../core/errors.js';
import type { EventStore } from '../core/event-store.js';
import type { Runtime } from '../core/runtime.js';
import type { LogPosition } from '../core/subscribe.js';
import {
  type AccessEvent,
  PRINCIPAL_STREAMS,
  principalStream,
  TOKEN_STREAMS,
  toNewEvent,
  tokenStream,
} from './access-events.js';
import { AccessModel } from './access-model.js';

export interface AccessLogOptions {
  /** Of the namespace that holds nothing else. */
  readonly store: Pick<EventStore, 'append' | 'subscribe'>;
  readonly runtime: Runtime;
  /** Told when it cannot be followed for now; what is known stays in force. */
  readonly onFailure?: (error: unknown) => void;
}

/** Milliseconds in which a change must show in this instance itself. */
const SHOWN_WITHIN = 5000;
const RETRY_MS = 200;

/**
 * Roles and tokens, kept as events in a log of their own, so that every instance that follows it knows of a change within
 * moments, and that it is on record who made it.
 */
export class AccessLog {
  readonly #options: AccessLogOptions;
  readonly #stop = new AbortController();
  readonly #listeners = new Set<() => void>();
  readonly #waiters = new Set<() => void>();
  #model = new AccessModel();
  #position: LogPosition = { position: 0n };
  #caughtUp = false;
  #following: Promise<void> | undefined;

  constructor(options: AccessLogOptions) {
    this.#options = options;
  }

  /** As the log tells it now. */
  get model(): AccessModel {
    return this.#model;
  }

  /** Resolves when all that is in the log is known. */
  async start(): Promise<void> {
    this.#following ??= this.#follow();
    await this.#until(() => this.#caughtUp);
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('The service stops'));
    await this.#following;
  }

  /** Calls the listener after each change. Returns how to stop that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Gives whether it was not there before. */
  async grant(principal: string, binding: RoleBinding, by: string): Promise<boolean> {
    if (this.model.grant(principal, binding) !== undefined) return false;
    await this.#write(principalStream(principal).aggregateId, { type: 'RoleGranted', data: { binding, by } });
    return true;
  }

  /** Gives whether it was there before. */
  async revoke(principal: string, binding: RoleBinding, by: string): Promise<boolean> {
    if (this.model.grant(principal, binding) === undefined) return false;
    await this.#write(principal, { type: 'RoleRevoked', data: { binding, by } });
    return true;
  }

  async createToken(
    token: Pick<ApiToken, 'name' | 'principal' | 'bindings' | 'expiresAt'>,
    by: string,
  ): Promise<MadeToken> {
    const { bindings, expiresAt, name, principal } = token;
    const tokenId = randomBytes(9).toString('hex');
    const secret = randomBytes(32).toString('base64url');
    await this.#write(tokenId, {
      type: 'TokenCreated',
      data: {
        name,
        principal,
        bindings,
        hash: hashOf(secret),
        ...(expiresAt === undefined ? {} : { expiresAt: String(expiresAt) }),
        by,
      },
    });
    const made = this.model.token(tokenId);
    if (made === undefined) throw new TypeError('The token that was made is not known');
    return { token: made, secret: `hw_${tokenId}_${secret}` };
  }

  /** Gives it as it is then; `undefined` if there is none. */
  async revokeToken(tokenId: string, by: string): Promise<ApiToken | undefined> {
    const token = this.model.token(tokenId);
    if (token === undefined || token.revokedAt !== undefined) return token;
    await this.#write(tokenId, { type: 'TokenRevoked', data: { by } });
    return this.model.token(tokenId);
  }

  /** Appends, and waits until this instance knows of it. */
  async #write(id: string, event: AccessEvent): Promise<void> {
    const { store } = this.#options;
    const isToken = event.type === 'TokenCreated' || event.type === 'TokenRevoked';
    const stream = isToken ? tokenStream(id) : principalStream(id);
    const expectedVersion = event.type === 'TokenCreated' ? 'NO_STREAM' : 'ANY';
    try {
      const { lastPosition } = await store.append({
        streams: [{ stream, expectedVersion, events: [toNewEvent(event)] }],
      });
      await this.#until(() => this.#position.position >= lastPosition);
    } catch (error) {
      if (error instanceof WrongExpectedVersionError)
        throw new StoreUnavailableError('Two tokens were given the same id; try again', { cause: error });
      throw error;
    }
  }

  async #follow(): Promise<void> {
    const { onFailure, runtime, store } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const scope = {
          kind: 'AGGREGATE_TYPES',
          aggregateTypes: [PRINCIPAL_STREAMS, TOKEN_STREAMS],
        } as const;
        const start = { kind: 'AFTER', after: this.#position } as const;
        for await (const message of store.subscribe({ scope, start }, { signal })) {
          for (const event of message.events) this.#model.apply(event);
          this.#position = { position: message.scannedTo, epoch: message.epoch };
          if (message.signal?.kind === 'CAUGHT_UP') this.#caughtUp = true;
          if (message.events.length > 0) for (const listener of this.#listeners) listener();
          for (const waiter of this.#waiters) waiter();
        }
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof LogEpochChangedError) this.#beginAnew();
        onFailure?.(error);
        await runtime.sleep(RETRY_MS, signal).catch(() => undefined);
      }
    }
  }

  /** A fail-over lost some of what was applied. */
  #beginAnew(): void {
    this.#model = new AccessModel();
    this.#position = { position: 0n };
  }

  async #until(holds: () => boolean): Promise<void> {
    if (holds()) return;
    const over = new AbortController();
    const known = new Promise<void>((resolve) => {
      const waiter = () => {
        if (!holds()) return;
        this.#waiters.delete(waiter);
        resolve();
      };
      this.#waiters.add(waiter);
      over.signal.addEventListener('abort', () => this.#waiters.delete(waiter), { once: true });
    });
    const late = this.#options.runtime.sleep(SHOWN_WITHIN, over.signal).then(() => {
      throw new StoreUnavailableError('What was written about access does not show here yet; look again', {
        outcome: 'UNKNOWN',
      });
    });
    late.catch(() => undefined);
    try {
      await Promise.race([known, late]);
    } finally {
      over.abort(new Error('The wait is over'));
    }
  }
}

/** SHA-256 in hex. */
export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
