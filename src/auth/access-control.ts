import type { PolicyDecision } from './policy-decision.js';
import type { Principal } from './principal.js';

/** What a call brings along to say who calls. */
export interface Presented {
  /** The values of a header of the call, by its name in lower case. */
  readonly header: (name: string) => readonly (string | Uint8Array)[];
  /** The address from which it comes. */
  readonly peer: string;
  /** Of the client's certificate, which the transport has verified; `undefined` without one. */
  readonly certificate?: PresentedCertificate;
}

export interface PresentedCertificate {
  /** The common name of its subject; empty if there is none. */
  readonly commonName: string;
  /** Its alternative names, as `DNS:…` and `URI:…`. */
  readonly alternativeNames: readonly string[];
  /** SHA-256 of the certificate, in hex. */
  readonly fingerprint: string;
}

/** Who comes in, and what they may do. One for the whole service. */
export interface AccessControl extends PolicyDecision {
  /** Tells who calls. Fails with `UnauthenticatedError`, and with `InvalidRequestError` for what cannot be understood. */
  authenticate(presented: Presented): Principal | Promise<Principal>;
  /** The same caller as things are now: with the bindings of now, or `undefined` if the credential is no good any more. */
  again(principal: Principal): Principal | undefined;
  /** Calls the listener when rules, roles or tokens have changed. Returns how to stop that. */
  onChange(listener: () => void): () => void;
}
