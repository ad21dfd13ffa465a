import { timingSafeEqual } from 'node:crypto';
import type { AccessControl, Presented, PresentedCertificate } from '../auth/access-control.js';
import { type AccessDecision, decideAccess } from '../auth/access-decision.js';
import { type AccessRule, ACTION_GROUPS } from '../auth/access-rule.js';
import type { Action, Plan } from '../auth/plan.js';
import type { Principal, RoleBinding } from '../auth/principal.js';
import { UnauthenticatedError } from '../core/errors.js';
import type { Runtime } from '../core/runtime.js';
import type { AccessFile } from './access-file.js';
import { type AccessLog, hashOf } from './access-log.js';
import { certificatePrincipal } from './certificates.js';
import type { JwtVerifier } from './jwt-verifier.js';

export interface ServiceAccessOptions {
  /** As it is now, and told of changes. */
  readonly file: { readonly current: AccessFile; onChange(listener: () => void): () => void };
  readonly log: AccessLog;
  /** That of the log. */
  readonly namespace: string;
  /** @default tokens of issuers are not accepted */
  readonly jwt?: JwtVerifier;
  readonly runtime: Runtime;
  /** Told of each decision, as the rules have it. */
  readonly onDecision?: (plan: Plan, decision: AccessDecision) => void;
  /** Told of who did not come in: why, and from which address. */
  readonly onStranger?: (because: string, peer: string) => void;
  /**
   * Refuses nothing that comes from somebody who is authenticated, and only tells what it would have refused. But who may what
   * is changed by nobody who may not, for that would last longer than the watching.
   * @default false
   */
  readonly shadow?: boolean;
}

const BEARER = /^bearer +([\x21-\x7e]+)$/i;
/** With these somebody could give themselves what they may not do. */
const CHANGES_ACCESS: ReadonlySet<Action> = new Set([
  'create-token',
  'revoke-token',
  'grant-role',
  'revoke-role',
]);
const API_TOKEN = /^hw_([0-9a-f]{18})_([\w-]{43})$/;

/** Who comes in, and what they may do, where callers are authenticated. */
export class ServiceAccess implements AccessControl {
  readonly #options: ServiceAccessOptions;

  constructor(options: ServiceAccessOptions) {
    this.#options = options;
  }

  authenticate(presented: Presented): Principal | Promise<Principal> {
    const stranger = (error: unknown): never => {
      if (error instanceof UnauthenticatedError) this.#options.onStranger?.(error.message, presented.peer);
      throw error;
    };
    try {
      const principal = this.#identify(presented);
      return principal instanceof Promise ? principal.catch(stranger) : principal;
    } catch (error) {
      return stranger(error);
    }
  }

  #identify({ certificate, header }: Presented): Principal | Promise<Principal> {
    const values = header('authorization');
    if (values.length > 1) throw new UnauthenticatedError('The header authorization is there more than once');
    const [value] = values;
    if (value !== undefined) {
      const bearer = BEARER.exec(String(value))?.[1];
      if (bearer === undefined)
        throw new UnauthenticatedError('The header authorization must be "Bearer" and a token');
      return this.#byToken(bearer);
    }
    const principal = certificate && this.#byCertificate(certificate);
    if (principal === undefined)
      throw new UnauthenticatedError(
        certificate === undefined
          ? 'There are no credentials: send a token in the header authorization'
          : 'The certificate is of nobody who is known',
      );
    return this.#withRoles(principal);
  }

  again(principal: Principal): Principal | undefined {
    if (principal.kind !== 'USER' || principal.credential === undefined) return principal;
    const { credential } = principal;
    if (credential.expiresAt !== undefined && credential.expiresAt <= this.#options.runtime.now())
      return undefined;
    if (credential.tokenId !== undefined) {
      const token = this.#options.log.model.token(credential.tokenId);
      if (token === undefined || token.revokedAt !== undefined) return undefined;
    }
    if (credential.again === undefined) return this.#withRoles(principal);
    try {
      const now = credential.again();
      return now && this.#withRoles(now);
    } catch (error) {
      if (error instanceof UnauthenticatedError) return undefined;
      throw error;
    }
  }

  decide(plan: Plan): AccessDecision {
    const decision = this.ruling(plan);
    this.#options.onDecision?.(plan, decision);
    return this.#letThrough(plan, decision);
  }

  would(plan: Plan): AccessDecision {
    return this.#letThrough(plan, this.ruling(plan));
  }

  /** What the rules say, with nobody told, and nothing let through. */
  ruling(plan: Plan): AccessDecision {
    return decideAccess(this.rulesFor(plan), plan);
  }

  /** What the file says now. */
  get file(): AccessFile {
    return this.#options.file.current;
  }

  get shadow(): boolean {
    return this.#options.shadow ?? false;
  }

  /** The roles that a principal was given, in the file or over time. */
  rolesOf(principal: string): readonly RoleBinding[] {
    const { principals } = this.file;
    const inFile = Object.hasOwn(principals, principal) ? (principals[principal] ?? []) : [];
    return [...inFile, ...this.#options.log.model.bindingsOf(principal)];
  }

  /**
   * The namespace with tokens and audit is read by who has a rule that names it, and written by nobody but the service: a
   * rule for any namespace does not mean this one.
   */
  rulesFor(plan: Plan): readonly AccessRule[] {
    const { file, namespace } = this.#options;
    const { rules } = file.current;
    const named = plan.resources.some((one) => one.kind === 'NAMESPACE' && one.name === namespace);
    if (named) return [];
    if (plan.namespace !== namespace) return rules;
    const reads = (ACTION_GROUPS.read as readonly Action[]).includes(plan.action);
    return reads ? rules.filter(({ namespaces }) => namespaces?.includes(namespace)) : [];
  }

  onChange(listener: () => void): () => void {
    const { file, log } = this.#options;
    const stops = [file.onChange(listener), log.onChange(listener)];
    return () => {
      for (const stop of stops) stop();
    };
  }

  /** What is only watched is let through as it is. */
  #letThrough(plan: Plan, decision: AccessDecision): AccessDecision {
    if (!this.#options.shadow || plan.principal.kind !== 'USER') return decision;
    if (CHANGES_ACCESS.has(plan.action) || this.#isAboutOwn(plan)) return decision;
    return { verdict: 'ALLOW', rules: decision.verdict === 'ALLOW' ? decision.rules : [] };
  }

  /** Whether it is about the namespace with tokens and audit. */
  #isAboutOwn(plan: Plan): boolean {
    const { namespace } = this.#options;
    return (
      plan.namespace === namespace ||
      plan.resources.some((one) => one.kind === 'NAMESPACE' && one.name === namespace)
    );
  }

  #byCertificate(certificate: PresentedCertificate): Principal | undefined {
    const principal = certificatePrincipal(certificate, this.#options.file.current.certificates);
    const again = () => this.#byCertificate(certificate);
    return principal && { ...principal, credential: { ...principal.credential, again } };
  }

  #byToken(bearer: string): Principal | Promise<Principal> {
    const { jwt, log } = this.#options;
    const [, tokenId, secret] = API_TOKEN.exec(bearer) ?? [];
    if (tokenId === undefined || secret === undefined) {
      if (jwt === undefined) throw new UnauthenticatedError('The token is none that this service has made');
      const verified = jwt.verify(bearer);
      return verified instanceof Promise
        ? verified.then((principal) => this.#withRoles(principal))
        : this.#withRoles(verified);
    }
    if (log.model.token(tokenId) !== undefined) return this.#byApiToken(tokenId, secret);
    return log.lookFor(tokenId).then(() => this.#byApiToken(tokenId, secret));
  }

  #byApiToken(tokenId: string, secret: string): Principal {
    const { log, runtime } = this.#options;
    const token = log.model.token(tokenId);
    // Compared also where there is none, so that both take as long.
    const given = Buffer.from(hashOf(secret), 'hex');
    const wanted = Buffer.from(token?.hash ?? hashOf(''), 'hex');
    if (!timingSafeEqual(given, wanted) || token === undefined)
      throw new UnauthenticatedError('The token is none that this service has made');
    if (token.revokedAt !== undefined) throw new UnauthenticatedError('The token was revoked');
    const { bindings, expiresAt, principal } = token;
    if (expiresAt !== undefined && expiresAt <= runtime.now())
      throw new UnauthenticatedError('The token has expired');
    return {
      kind: 'USER',
      id: principal,
      bindings,
      credential: {
        by: 'token',
        tokenId,
        own: bindings,
        complete: true,
        ...(expiresAt === undefined ? {} : { expiresAt }),
      },
    };
  }

  /** With the roles that it was given, in the file or over time, unless its own are all that it has. */
  #withRoles(principal: Principal): Principal {
    if (principal.kind !== 'USER' || principal.credential?.complete) return principal;
    const own = principal.credential?.own ?? principal.bindings;
    return { ...principal, bindings: [...own, ...this.rolesOf(principal.id)] };
  }
}
