import { createHash, randomBytes } from 'node:crypto';
import type { ApiToken, MadeToken } from '../auth/access-admin.js';
import type { RoleBinding } from '../auth/principal.js';
import {
  InvalidRequestError,
  LogEpochChangedError,
  StoreUnavailableError,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from '../core/errors.js';
import type { EventStore } from '../core/event-store.js';
import { eventsOf } from '../core/load.js';
import type { Runtime } from '../core/runtime.js';
import type { StreamId } from '../core/stream.js';
import type { LogPosition } from '../core/subscribe.js';
import {
  type AccessEvent,
  PRINCIPAL_STREAMS,
  principalStream,
  TOKEN_STREAMS,
  toNewEvent,
  tokenStream,
} from './access-events.js';
import { AccessModel, hasEnded } from './access-model.js';

export interface AccessLogOptions {
  /** Of the namespace that holds nothing else. */
  readonly store: Pick<EventStore, 'append' | 'load' | 'subscribe'>;
  readonly runtime: Runtime;
  /** Told when it cannot be followed for now; what is known stays in force. */
  readonly onFailure?: (error: unknown) => void;
}

/** Milliseconds in which a change must show in this instance itself. */
const SHOWN_WITHIN = 5000;
const RETRY_MS = 200;
/** Times that others may be faster. */
const ATTEMPTS = 10;
/** Tokens that are good at once. */
const TOKENS = 10_000;
/** Looks for tokens that are not known, in a second: made-up ones shall not keep the database busy. */
const LOOKS = 20;
/** Roles of one principal. */
const ROLES = 1000;

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
  /** Takes the place of the model once it has caught up, after a fail-over lost some of what was applied. */
  #next: AccessModel | undefined;
  #position: LogPosition = { position: 0n };
  #caughtUp = false;
  #following: Promise<void> | undefined;
  #looks = { since: 0, count: 0 };
  /** Looks under way, by token. */
  readonly #looking = new Map<string, Promise<void>>();

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
    return this.#change(principalStream(principal), (model) => {
      if (model.grant(principal, binding) !== undefined) return undefined;
      if (model.grants.length >= ROLES)
        throw tooMany('binding', `${ROLES} roles of one principal; take some back`);
      return { type: 'RoleGranted', data: { binding, by } };
    });
  }

  /** Gives whether it was there before. */
  async revoke(principal: string, binding: RoleBinding, by: string): Promise<boolean> {
    return this.#change(principalStream(principal), (model) =>
      model.grant(principal, binding) === undefined
        ? undefined
        : { type: 'RoleRevoked', data: { binding, by } },
    );
  }

  async createToken(
    token: Pick<ApiToken, 'name' | 'principal' | 'bindings' | 'expiresAt'>,
    by: string,
  ): Promise<MadeToken> {
    const { bindings, expiresAt, name, principal } = token;
    const now = this.#options.runtime.now();
    if (this.model.tokens.filter((one) => !hasEnded(one, now)).length >= TOKENS)
      throw tooMany('name', `${TOKENS} tokens that are good; revoke some, or have them expire`);
    const tokenId = randomBytes(9).toString('hex');
    const secret = randomBytes(32).toString('base64url');
    await this.#change(tokenStream(tokenId), () => ({
      type: 'TokenCreated',
      data: {
        name,
        principal,
        bindings,
        hash: hashOf(secret),
        ...(expiresAt === undefined ? {} : { expiresAt: String(expiresAt) }),
        by,
      },
    }));
    const made = this.model.token(tokenId);
    if (made === undefined) throw new TypeError('The token that was made is not known');
    const { hash: _kept, ...told } = made;
    return { token: told, secret: `hw_${tokenId}_${secret}` };
  }

  /** Gives it as it is then; `undefined` if there is none. */
  async revokeToken(tokenId: string, by: string): Promise<ApiToken | undefined> {
    await this.#change(tokenStream(tokenId), (model) => {
      const token = model.token(tokenId);
      return token === undefined || token.revokedAt !== undefined
        ? undefined
        : { type: 'TokenRevoked', data: { by } };
    });
    return this.model.token(tokenId);
  }

  /**
   * Looks into the log for a token that is not known here, since another instance may have made it a moment ago. Resolves when it
   * is known, or there is none; without a look where there were many in this second. Rejects where the log cannot be read.
   */
  async lookFor(tokenId: string): Promise<void> {
    const underWay = this.#looking.get(tokenId);
    if (underWay !== undefined) return underWay;
    const now = this.#options.runtime.monotonic();
    if (now - this.#looks.since >= 1000) this.#looks = { since: now, count: 0 };
    this.#looks.count += 1;
    if (this.#looks.count > LOOKS) return;
    const look = this.#look(tokenId).finally(() => this.#looking.delete(tokenId));
    this.#looking.set(tokenId, look);
    return look;
  }

  async #look(tokenId: string): Promise<void> {
    const { position, version } = await this.#read(tokenStream(tokenId));
    if (version > 0n) await this.#until(() => this.#knows(position));
  }

  /**
   * Appends what follows from the stream as it is in the log, where other instances write too, and waits until this instance
   * knows of it. Gives whether there was anything to change.
   */
  async #change(
    stream: StreamId,
    changeOf: (model: AccessModel) => AccessEvent | undefined,
  ): Promise<boolean> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const { model, position, version } = await this.#read(stream);
      const event = changeOf(model);
      if (event === undefined) {
        await this.#until(() => this.#knows(position));
        return false;
      }
      try {
        const { lastPosition } = await this.#options.store.append({
          streams: [
            { stream, expectedVersion: version === 0n ? 'NO_STREAM' : version, events: [toNewEvent(event)] },
          ],
        });
        await this.#until(() => this.#knows(lastPosition));
        return true;
      } catch (error) {
        if (!(error instanceof WrongExpectedVersionError)) throw error;
      }
    }
    throw new StoreUnavailableError('Others are changing the same roles; try again', {
      outcome: 'NOT_APPLIED',
    });
  }

  /** One stream as it is in the log. */
  async #read(stream: StreamId): Promise<{ model: AccessModel; position: bigint; version: bigint }> {
    const read = { model: new AccessModel(), position: 0n, version: 0n };
    try {
      for await (const event of eventsOf(this.#options.store.load({ scope: { kind: 'STREAM', stream } }))) {
        read.model.apply(event);
        read.position = event.position;
        read.version = event.version;
      }
    } catch (error) {
      if (!(error instanceof StreamNotFoundError)) throw error;
    }
    return read;
  }

  #knows(position: bigint): boolean {
    return this.#next === undefined && this.#position.position >= position;
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
          const model = this.#next ?? this.#model;
          for (const event of message.events) model.apply(event);
          this.#position = { position: message.scannedTo, epoch: message.epoch };
          const caughtUp = message.signal?.kind === 'CAUGHT_UP';
          const anew = caughtUp && this.#next !== undefined;
          if (caughtUp) {
            this.#caughtUp = true;
            this.#model = model;
            this.#next = undefined;
          }
          if (anew || (message.events.length > 0 && model === this.#model))
            for (const listener of this.#listeners) listener();
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

  /** What was known stays in force until what is left of it is known. */
  #beginAnew(): void {
    this.#next = new AccessModel();
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

function tooMany(field: string, most: string): InvalidRequestError {
  return new InvalidRequestError([
    { field, description: `would be one too many: there may be at most ${most}` },
  ]);
}
