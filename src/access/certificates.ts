import type { PresentedCertificate } from '../auth/access-control.js';
import type { Credential, Principal } from '../auth/principal.js';
import { nameProblem } from '../core/validate.js';
import type { CertificateMapping } from './access-file.js';

/** Whose certificate it is, by the first mapping that fits; `undefined` for a stranger's. */
export function certificatePrincipal(
  certificate: PresentedCertificate,
  mappings: readonly CertificateMapping[],
): (Principal & { readonly kind: 'USER'; readonly credential: Credential }) | undefined {
  const names = [
    ...certificate.alternativeNames,
    ...(certificate.commonName === '' ? [] : [`CN=${certificate.commonName}`]),
    `SHA256:${certificate.fingerprint}`,
  ];
  for (const { bindings = [], match, principal = '$value' } of mappings) {
    const found = names.find((name) => fits(match, name));
    if (found === undefined) continue;
    const value = found.replace(/^(CN=|DNS:|URI:|SHA256:)/, '');
    const id = principal.replaceAll('$value', () => value);
    // A name that no role could be given to, and no audit could tell.
    if (nameProblem(id) !== undefined) return undefined;
    return {
      kind: 'USER',
      id,
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
