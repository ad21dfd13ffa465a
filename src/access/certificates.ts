import type { PresentedCertificate } from '../auth/access-control.js';
import type { Principal } from '../auth/principal.js';
import type { CertificateMapping } from './access-file.js';

/** Whose certificate it is, by the first mapping that fits; `undefined` for a stranger's. */
export function certificatePrincipal(
  certificate: PresentedCertificate,
  mappings: readonly CertificateMapping[],
): (Principal & { readonly kind: 'USER' }) | undefined {
  const names = [
    ...certificate.alternativeNames,
    ...(certificate.commonName === '' ? [] : [`CN=${certificate.commonName}`]),
    `SHA256:${certificate.fingerprint}`,
  ];
  for (const { bindings = [], match, principal = '$value' } of mappings) {
    const found = names.find((name) => fits(match, name));
    if (found === undefined) continue;
    const value = found.replace(/^(CN=|DNS:|URI:|SHA256:)/, '');
    return {
      kind: 'USER',
      id: principal.replaceAll('$value', () => value),
      bindings,
      credential: { by: 'certificate', own: bindings },
    };
  }
  return undefined;
}

/** A `*` at the end of a name stands for whatever follows; a fingerprint is exact. */
function fits(match: string, name: string): boolean {
  return match.endsWith('*') ? name.startsWith(match.slice(0, -1)) : name === match;
}
