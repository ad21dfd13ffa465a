import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Files of a certificate, and what is in them. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

/** What stands in a certificate. */
export interface Subject {
  /** @default localhost */
  readonly commonName?: string;
  /** As openssl takes them. @default DNS:localhost,IP:127.0.0.1 */
  readonly alternativeNames?: string;
  /** Days from now, which may be past. @default 2 */
  readonly days?: number;
}

/** Signs certificates of tests, with openssl. */
export interface Authority extends Certificate {
  issue(subject?: Subject): Certificate;
  /** Removes all that it has made. */
  close(): void;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export function makeAuthority(commonName = 'Tests'): Authority {
  const folder = mkdtempSync(path.join(tmpdir(), 'hw-ca-'));
  let issued = 0;
  const within = (name: string) => path.join(folder, name);
  const openssl = (words: readonly string[], more: readonly string[]) =>
    execFileSync('openssl', [...words, ...more], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  const made = (name: string): Certificate => ({
    certFile: within(`${name}.pem`),
    keyFile: within(`${name}.key`),
    cert: readFileSync(within(`${name}.pem`), 'utf8'),
    key: readFileSync(within(`${name}.key`), 'utf8'),
  });
  openssl(
    ['req', '-x509', ...NEW_KEY, '-days', '2', '-subj', `/CN=${commonName}`],
    ['-keyout', 'ca.key', '-out', 'ca.pem'],
  );
  return {
    ...made('ca'),
    issue: ({
      alternativeNames = 'DNS:localhost,IP:127.0.0.1',
      commonName: name = 'localhost',
      days = 2,
    } = {}) => {
      issued += 1;
      const own = `issued-${issued}`;
      writeFileSync(
        within(`${own}.ext`),
        alternativeNames === '' ? '' : `subjectAltName=${alternativeNames}\n`,
      );
      openssl(
        ['req', '-new', ...NEW_KEY, '-subj', `/CN=${name}`],
        ['-keyout', `${own}.key`, '-out', `${own}.csr`],
      );
      openssl(
        ['x509', '-req', '-in', `${own}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'],
        ['-days', String(days), '-extfile', `${own}.ext`, '-out', `${own}.pem`],
      );
      return made(own);
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
