import { createHash } from 'node:crypto';
import { errors, type JWTPayload, jwtVerify, type JWTVerifyOptions } from 'jose';
import type { Principal } from '../auth/principal.js';
import { StoreUnavailableError, UnauthenticatedError } from '../core/errors.js';
import type { Runtime } from '../core/runtime.js';
import { nameProblem } from '../core/validate.js';
import { bindingsOfClaims, type ClaimMapping } from './claims.js';
import type { IssuerKeys } from './jwt-keys.js';
import { KeysUnavailableError } from './key-set.js';

/** Signatures that only the issuer can make. With a shared secret whoever verifies could also sign. */
export const ASYMMETRIC = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;

export interface JwtOptions {
  readonly keys: Pick<IssuerKeys, 'keyFor'>;
  /** Which signatures are good; of {@link ASYMMETRIC}. */
  readonly algorithms: readonly string[];
  /** Any of these must be the token's `iss`. */
  readonly issuers: readonly string[];
  /** Any of these must be in the token's `aud`. */
  readonly audiences: readonly string[];
  /** Seconds by which clocks may differ; at most 30. */
  readonly toleranceSeconds: number;
  /** The claim that names the principal, usually `sub`, and what claims make of its bearer; as things are now. */
  readonly mapping: () => { readonly principal: string; readonly bindings: readonly ClaimMapping[] };
  readonly runtime: Runtime;
}

/** Of what kind a token may say it is; one that says nothing is taken for a JWT. RFC 8725 3.11, RFC 9068. */
const TYPES = /^(application\/)?(at\+)?jwt$/i;
/** Three parts in base64url and nothing else, also not what decoders read over: blanks, padding. RFC 7515 3.1. */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** A token may have so many bytes. */
const TOKEN_BYTES = 8 * 1024;
/** Verified tokens that are remembered … */
const REMEMBERED = 10_000;
/** … for so long at most, in milliseconds: a signature costs half a millisecond. */
const REMEMBERED_MS = 60_000;

interface Verified {
  readonly principal: Principal & { readonly kind: 'USER' };
  readonly until: number;
}

/** Tells who a JSON Web Token is about, if its issuer has signed it for this service and it is good now. RFC 7519, RFC 8725. */
export class JwtVerifier {
  readonly #options: JwtOptions;
  readonly #verify: JWTVerifyOptions;
  /** By the hash of the whole token, the latest last. */
  readonly #verified = new Map<string, Verified>();
  /** How often all was forgotten. */
  #forgotten = 0;

  constructor(options: JwtOptions) {
    this.#options = options;
    this.#verify = {
      algorithms: [...options.algorithms],
      issuer: [...options.issuers],
      audience: [...options.audiences],
      clockTolerance: options.toleranceSeconds,
      requiredClaims: ['exp'],
    };
  }

  /** Fails with `UnauthenticatedError`, and with `StoreUnavailableError` where the issuer's keys cannot be had. */
  verify(token: string): Principal | Promise<Principal> {
    if (token.length > TOKEN_BYTES)
      throw new UnauthenticatedError(`The token is longer than ${TOKEN_BYTES} bytes`);
    if (!COMPACT.test(token)) throw new UnauthenticatedError('The token is malformed');
    const hash = createHash('sha256').update(token).digest('base64');
    const known = this.#verified.get(hash);
    if (known !== undefined && this.#isGood(known)) return known.principal;
    this.#verified.delete(hash);
    return this.#verifyNow(token, hash);
  }

  /** The keys have changed: what was verified with the former ones is verified again. */
  forget(): void {
    this.#forgotten += 1;
    this.#verified.clear();
  }

  async #verifyNow(token: string, hash: string): Promise<Principal> {
    const { keys, runtime } = this.#options;
    const currentDate = new Date(Number(runtime.now() / 1000n));
    const forgotten = this.#forgotten;
    try {
      const { payload, protectedHeader } = await jwtVerify(token, keys.keyFor, {
        ...this.#verify,
        currentDate,
      });
      this.#refuseOtherKind(protectedHeader.typ);
      this.#refuseFromTheFuture(payload.iat, currentDate);
      const principal = this.#principalOf(payload);
      // The keys may have changed meanwhile, and this was verified with the former ones.
      if (forgotten === this.#forgotten) this.#remember(hash, principal);
      return principal;
    } catch (error) {
      throw refused(error);
    }
  }

  #remember(hash: string, principal: Verified['principal']): void {
    if (this.#verified.size >= REMEMBERED) this.#verified.delete(this.#verified.keys().next().value ?? '');
    this.#verified.set(hash, { principal, until: this.#options.runtime.monotonic() + REMEMBERED_MS });
  }

  /** An issuer signs other things than these with the same key: logout tokens, introspection answers. */
  #refuseOtherKind(typ: unknown): void {
    if (typ !== undefined && !(typeof typ === 'string' && TYPES.test(typ)))
      throw new UnauthenticatedError('The token is of another kind than a JWT or an access token');
  }

  #refuseFromTheFuture(iat: number | undefined, now: Date): void {
    if (iat !== undefined && iat > now.getTime() / 1000 + this.#options.toleranceSeconds)
      throw new UnauthenticatedError("The token's iat is not yet");
  }

  #isGood({ principal, until }: Verified): boolean {
    const { runtime } = this.#options;
    const expiresAt = principal.credential?.expiresAt;
    return runtime.monotonic() < until && (expiresAt === undefined || runtime.now() < expiresAt);
  }

  #principalOf(payload: JWTPayload): Principal & { readonly kind: 'USER' } {
    const { mapping, toleranceSeconds } = this.#options;
    const { bindings, principal: principalClaim } = mapping();
    const id = payload[principalClaim];
    if (typeof id !== 'string' || nameProblem(id) !== undefined)
      throw new UnauthenticatedError(`The token's ${principalClaim} cannot be the name of a principal`);
    const expiresAt = BigInt(Math.trunc((payload.exp ?? 0) + toleranceSeconds)) * 1_000_000n;
    const own = bindingsOfClaims(payload, bindings);
    const again = () => this.#principalOf(payload);
    return { kind: 'USER', id, bindings: own, credential: { by: 'jwt', expiresAt, own, again } };
  }
}

/** In words that tell nothing of what is in the token. */
function refused(error: unknown): Error {
  if (error instanceof UnauthenticatedError) return error;
  if (error instanceof KeysUnavailableError)
    return new StoreUnavailableError('The keys of the issuer of tokens cannot be had; try again later', {
      cause: error,
      outcome: 'NOT_APPLIED',
      retryAfterMilliseconds: 1000,
    });
  const told = (message: string) => new UnauthenticatedError(message, { cause: error });
  if (error instanceof errors.JWTExpired) return told('The token has expired');
  if (error instanceof errors.JWTClaimValidationFailed)
    return told(
      error.reason === 'missing'
        ? `The token has no ${error.claim}`
        : `The token's ${error.claim} is not the one that is asked for`,
    );
  if (error instanceof errors.JOSEAlgNotAllowed)
    return told('The token is signed in a way that is not accepted');
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return told('The signature of the token is wrong');
  if (error instanceof errors.JWKSNoMatchingKey)
    return told('The token is signed with a key that is not known');
  if (error instanceof errors.JWKSMultipleMatchingKeys)
    return told('The token names no key (kid), and the issuer has several');
  return told('The token is malformed');
}
