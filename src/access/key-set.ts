import {
  createLocalJWKSet,
  type FlattenedJWSInput,
  type JSONWebKeySet,
  type JWSHeaderParameters,
} from 'jose';
import type { Runtime } from '../core/runtime.js';

/** Where keys come from: gives the set as it is now. Rejects if it cannot be had. */
export type FetchKeySet = (signal: AbortSignal) => Promise<JSONWebKeySet>;

export interface KeySetOptions {
  readonly fetch: FetchKeySet;
  readonly runtime: Runtime;
  /**
   * Milliseconds between two fetches, whoever asks and however often: tokens with made-up key ids cannot hammer the issuer.
   * @default 30000
   */
  readonly cooldownMs?: number;
  /**
   * Milliseconds after which the set is fetched again although nobody misses a key.
   * @default 600000
   */
  readonly refreshMs?: number;
  /**
   * Milliseconds for which the last good set is used while fetching fails.
   * @default 3600000
   */
  readonly staleMs?: number;
  /**
   * Milliseconds for one fetch.
   * @default 5000
   */
  readonly timeoutMs?: number;
  /** Told of each fetch that fails. */
  readonly onFailure?: (error: unknown) => void;
  /** Told when the set has changed: what was verified with the former one is no longer. */
  readonly onChange?: () => void;
}

/** No keys could be had, so nobody can be told from anybody. */
export class KeysUnavailableError extends Error {
  override readonly name = 'KeysUnavailableError';
}

type LocalKeySet = ReturnType<typeof createLocalJWKSet>;

/** The keys of an issuer, fetched anew when they are old or a key is missing, at most once in a cooldown. */
export class KeySet {
  readonly #options: Required<Pick<KeySetOptions, 'cooldownMs' | 'refreshMs' | 'staleMs' | 'timeoutMs'>> &
    KeySetOptions;
  #keys: LocalKeySet | undefined;
  #text = '';
  /** When the present keys were fetched, by the monotonic clock. */
  #fetchedAt = 0;
  /** When a fetch was last begun. */
  #triedAt: number | undefined;
  #fetching: Promise<void> | undefined;

  constructor(options: KeySetOptions) {
    this.#options = {
      cooldownMs: 30_000,
      refreshMs: 600_000,
      staleMs: 3_600_000,
      timeoutMs: 5000,
      ...options,
    };
  }

  /** The key for a token; what `jwtVerify` takes. Rejects with jose's errors, and `KeysUnavailableError`. */
  readonly keyFor = async (header: JWSHeaderParameters, token: FlattenedJWSInput) => {
    const { refreshMs, staleMs } = this.#options;
    const age = () => this.#options.runtime.monotonic() - this.#fetchedAt;
    // Keys that are merely old serve while newer ones are fetched: an issuer that hangs holds nobody up.
    if (this.#keys === undefined || age() > staleMs) await this.#refresh();
    else if (age() > refreshMs) void this.#refresh();
    if (this.#keys === undefined || age() > staleMs)
      throw new KeysUnavailableError('No keys of the issuer are at hand');
    const known = this.#keys;
    try {
      return await known(header, token);
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error) || error.code !== 'ERR_JWKS_NO_MATCHING_KEY')
        throw error;
      await this.#refresh();
      if (this.#keys === known) throw error;
      return this.#keys(header, token);
    }
  };

  /** Fetches, unless that was done a moment ago; who asks meanwhile waits for the same fetch. */
  async #refresh(): Promise<void> {
    const { cooldownMs, runtime } = this.#options;
    if (this.#fetching === undefined) {
      const now = runtime.monotonic();
      if (this.#triedAt !== undefined && now - this.#triedAt < cooldownMs) return;
      this.#triedAt = now;
      this.#fetching = this.#fetch().finally(() => {
        this.#fetching = undefined;
      });
    }
    await this.#fetching;
  }

  async #fetch(): Promise<void> {
    const { fetch, onChange, onFailure, runtime, timeoutMs } = this.#options;
    try {
      const set = await fetch(AbortSignal.timeout(timeoutMs));
      const text = JSON.stringify(set);
      // Before it counts as fetched: what is no key set does not make the one before younger.
      const keys = text === this.#text ? this.#keys : createLocalJWKSet(set);
      this.#fetchedAt = runtime.monotonic();
      if (keys === this.#keys) return;
      this.#keys = keys;
      this.#text = text;
      onChange?.();
    } catch (error) {
      onFailure?.(error);
    }
  }
}
