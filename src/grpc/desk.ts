import type { PeerCertificate } from 'node:tls';
import type { Metadata } from '@grpc/grpc-js';
import type { AccessControl } from '../auth/access-control.js';
import { allowAll } from '../auth/policy-decision.js';
import { type HeadwaterError, InvalidRequestError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import { namespaceProblem } from '../core/namespace.js';
import type { Runtime } from '../core/runtime.js';
import type { Received } from '../wire/method.js';
import { NAMESPACE_HEADER } from '../wire/namespace.js';
import { fromPrincipalHeader, PRINCIPAL_HEADER } from '../wire/principal.js';
import { Admission } from './admission.js';
import { AnswerTurns } from './answer-turns.js';
import type { Calls } from './calls.js';
import type { CallScope } from './call-scope.js';
import { publicError } from './failure.js';
import { presentedCertificate } from './presented-certificate.js';
import type { ServedNamespaces } from './served-namespaces.js';

const METADATA_BYTES = 8 * 1024;

/**
 * Believes whom a header names, and allows everything: for a service on loopback, or in a network that is protected
 * otherwise.
 */
export const trustEverybody: AccessControl = {
  ...allowAll,
  authenticate: ({ header }) => fromPrincipalHeader(header(PRINCIPAL_HEADER)),
  again: (principal) => principal,
  onChange: () => () => undefined,
};

/** What the desk works with. */
export interface DeskOptions {
  readonly access: AccessControl;
  readonly namespaces: ServedNamespaces;
  readonly calls: Calls;
  readonly logger: Logger;
  readonly runtime: Runtime;
  /** How long a reader may stand still, in milliseconds. */
  readonly stallTimeoutMs: number;
  /** How long a call of one answer may take where the client sets no deadline, in milliseconds. */
  readonly defaultDeadlineMs: number;
  /** How long it may take however far off the client's deadline is. */
  readonly longestDeadlineMs: number;
}

/** Where every call is taken in: request → plan → policy; whatever refuses it does so before a handler runs. */
export class Desk {
  readonly calls: Calls;
  /** Through which those of unary calls leave. */
  readonly answers = new AnswerTurns();
  readonly stallTimeoutMs: number;
  readonly defaultDeadlineMs: number;
  readonly longestDeadlineMs: number;
  readonly #options: DeskOptions;

  constructor(options: DeskOptions) {
    this.#options = options;
    this.calls = options.calls;
    this.stallTimeoutMs = options.stallTimeoutMs;
    this.defaultDeadlineMs = options.defaultDeadlineMs;
    this.longestDeadlineMs = options.longestDeadlineMs;
  }

  /** The decoded request of a call that may begin, or what speaks against it as an exception. */
  accept<Message>(received: Received<Message>): Message {
    if ('malformed' in received) throw received.malformed;
    return received.message;
  }

  /** Lets a call in: who calls, and about which namespace. Rejects if it may not begin at all. */
  async admit(call: AdmittedCall, scope: CallScope): Promise<Admission> {
    this.calls.refuseWhileDraining();
    const { metadata } = call;
    let bytes = 0;
    for (const [key, values] of Object.entries(metadata.toHttp2Headers()))
      for (const value of Array.isArray(values) ? values : [values])
        bytes += key.length + String(value).length;
    if (bytes > METADATA_BYTES)
      throw new InvalidRequestError([
        { field: 'metadata', description: `is ${bytes} bytes long, the limit is ${METADATA_BYTES}` },
      ]);
    const { access, runtime } = this.#options;
    const peer = call.getPeer();
    const certificate = presentedCertificate(call.getAuthContext().sslPeerCertificate);
    const authenticated = access.authenticate({
      header: (name) => metadata.get(name),
      peer,
      ...(certificate ? { certificate } : {}),
    });
    // The usual call does not wait, so that what one client sends keeps its order.
    const principal = authenticated instanceof Promise ? await scope.wait(authenticated) : authenticated;
    this.calls.refuseWhileDraining();
    return new Admission(access, { principal, namespace: this.#namespaceOf(metadata), peer }, scope, runtime);
  }

  /**
   * Makes the namespace ready; `undefined` if it is. Once per call, and after the policy where there is one request:
   * whether a namespace exists is not for everybody to know.
   */
  open(namespace: string): Promise<unknown> | undefined {
    return this.#options.namespaces.open(namespace);
  }

  /** Ends the call, however long it lasts, when its namespace is dropped. */
  endWith(namespace: string, scope: CallScope): void {
    scope.endWith(this.#options.namespaces.of(namespace).gone);
  }

  #namespaceOf(metadata: Metadata): string {
    const values = metadata.get(NAMESPACE_HEADER);
    const [name] = values;
    if (name === undefined) return this.#options.namespaces.default;
    // HTTP joins values with a comma.
    const twice = values.length > 1 || name.includes(',');
    const problem = twice
      ? 'is given more than once: a call is about one namespace'
      : namespaceProblem(typeof name === 'string' ? name : '');
    if (problem !== undefined)
      throw new InvalidRequestError([{ field: NAMESPACE_HEADER, description: problem }]);
    return String(name);
  }

  /** The error that the caller may see. */
  failure(error: unknown, rpc: string): HeadwaterError {
    return publicError(error, rpc, this.#options);
  }
}

/** What of a call tells who calls. */
export interface AdmittedCall {
  readonly metadata: Metadata;
  getPeer(): string;
  getAuthContext(): { readonly sslPeerCertificate?: PeerCertificate };
}
