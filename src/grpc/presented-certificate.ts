import { createHash } from 'node:crypto';
import type { PeerCertificate } from 'node:tls';
import type { PresentedCertificate } from '../auth/access-control.js';

/** What a client's certificate says about it, once the transport has verified it. */
export function presentedCertificate(
  certificate: Pick<PeerCertificate, 'raw' | 'subject' | 'subjectaltname'> | undefined,
): PresentedCertificate | undefined {
  if (certificate === undefined || certificate.raw === undefined) return undefined;
  const { raw, subject, subjectaltname = '' } = certificate;
  return {
    // With several it is an array, and nobody says which of them counts.
    commonName: typeof subject?.CN === 'string' ? subject.CN : '',
    alternativeNames: alternativeNames(subjectaltname),
    fingerprint: createHash('sha256').update(raw).digest('hex'),
  };
}

/**
 * Node puts a name in quotes, as JSON, that has a comma or a quote in it: `DNS:"a, URI:spiffe://admin"` is one name, of a host
 * that nobody has, and not two.
 */
function alternativeNames(text: string): readonly string[] {
  const names: string[] = [];
  for (const [, kind = '', quoted, plain = ''] of text.matchAll(
    /([A-Za-z ]+):(?:("(?:[^"\\]|\\.)*")|([^,"]*))(?:, |$)/gy,
  ))
    names.push(`${kind}:${quoted === undefined ? plain : String(JSON.parse(quoted))}`);
  return names;
}
