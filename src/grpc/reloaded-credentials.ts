import type { SecureContextOptions } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';

/**
 * TLS for a server whose certificate is exchanged while it runs: connections that are there go on, new ones see the new one.
 *
 * The library's own watcher of files would also serve a certificate whose key has not followed yet.
 */
export class ReloadedCredentials extends ServerCredentials {
  /** @param clientCertificates whether every client must show a certificate that `ca` of the context has signed */
  constructor(context: SecureContextOptions, clientCertificates: boolean) {
    super(clientCertificates ? { requestCert: true, rejectUnauthorized: true } : {}, context);
  }

  update(context: SecureContextOptions): void {
    this.updateSecureContextOptions(context);
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}
