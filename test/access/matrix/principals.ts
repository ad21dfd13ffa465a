import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type JWTPayload, SignJWT } from 'jose';

const ISSUER = 'https://issuer.example';
const AUDIENCE = 'headwater';

/** Rules and claims by which the principals below have what the oracle says that they have. */
export const accessFile = (names: { readonly other: string; readonly access: string }) => ({
  rules: [
    { name: 'admins', roles: ['admin'], actions: ['*'] },
    { name: 'readers', roles: ['reader'], actions: ['read'] },
    { name: 'writers', roles: ['writer'], actions: ['write'] },
    { name: 'managers', roles: ['manager'], actions: ['manage'] },
    { name: 'commanders', roles: ['commander'], actions: ['command'] },
    { name: 'workers', roles: ['worker'], actions: ['work'] },
    { name: 'consumers', roles: ['consumer'], actions: ['consume'] },
    { name: 'group keepers', roles: ['group keeper'], actions: ['manage-groups'] },
    { name: 'projectors', roles: ['projector'], actions: ['project'] },
    { name: 'projection keepers', roles: ['projection keeper'], actions: ['manage-projections'] },
    { name: 'auditors of a branch', roles: ['auditor'], scopes: ['branch'], actions: ['read'] },
    { name: 'all of Europe', roles: ['european'], actions: ['*'], streams: [EUROPE] },
    { name: 'one half', roles: ['halved'], actions: ['*'], streams: [EUROPE] },
    { name: 'other half', roles: ['halved'], actions: ['*'], streams: [{ aggregateType: 'Invoice' }] },
    { name: 'own aggregate', roles: ['owner'], actions: ['*'], bindingResource: 'AGGREGATE_ID' },
    { name: 'own type', roles: ['typist'], actions: ['*'], bindingResource: 'AGGREGATE_TYPE' },
    { name: 'own names', roles: ['named'], actions: ['*'], names: ['own-*'] },
    { name: 'elsewhere', roles: ['stranger'], actions: ['*'], namespaces: [names.other] },
    { name: 'all at once', roles: ['reader and all'], actions: ['*'] },
    { name: 'inspectors', roles: ['inspector'], actions: ['*'], namespaces: [names.access] },
  ],
  jwt: {
    bindings: [
      { claim: 'roles', role: '$value', scope: 'system' },
      { claim: 'branch', role: '$value', scope: 'branch' },
      { claim: 'owns', role: 'owner', scope: 'system', resource: '$value' },
      { claim: 'types', role: 'typist', scope: 'system', resource: '$value' },
      { claim: 'admin_of', role: 'admin', scope: 'namespace', resource: '$value' },
    ],
  },
});

const EUROPE = { aggregateType: 'Order', aggregateIdPrefix: 'eu-' };

/** Claims of those whose tokens are good. The names are what the oracle knows them by. */
const CLAIMS = (names: { readonly main: string; readonly other: string }) =>
  ({
    'bound to nothing': {},
    'with a role of no rule': { roles: ['nobody'] },
    reader: { roles: ['reader'] },
    writer: { roles: ['writer'] },
    'reader and writer': { roles: ['reader', 'writer'] },
    manager: { roles: ['manager'] },
    commander: { roles: ['commander'] },
    worker: { roles: ['worker'] },
    consumer: { roles: ['consumer'] },
    'group keeper': { roles: ['group keeper'] },
    projector: { roles: ['projector'] },
    'projection keeper': { roles: ['projection keeper'] },
    admin: { roles: ['admin'] },
    'admin of another namespace': { admin_of: [names.other] },
    'admin of this namespace': { admin_of: [names.main] },
    'by a rule for another namespace': { roles: ['stranger'] },
    'with the wrong scope': { roles: ['auditor'] },
    'with the right scope': { branch: ['auditor'] },
    'of a prefix': { roles: ['european'] },
    'of two halves': { roles: ['halved'] },
    'of one aggregate': { owns: ['eu-1'] },
    'of one type': { types: ['Order'] },
    'of some names': { roles: ['named'] },
    inspector: { roles: ['inspector'] },
  }) as const satisfies Record<string, JWTPayload>;

/** Those that no token of the issuer is good for. */
const STRANGERS = [
  'nobody',
  'with another scheme',
  'with no token at all',
  'with a bad signature',
  'with an expired token',
  'with a token for somebody else',
  'with a token of another issuer',
  'with a token that is not valid yet',
  'with an unsigned token',
  'with an unknown API token',
] as const;

export type PrincipalName =
  | keyof ReturnType<typeof CLAIMS>
  | (typeof STRANGERS)[number]
  | 'with a revoked API token'
  | 'reader by an API token';

/** An issuer whose key the service has. */
export class Issuer {
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });

  get publicKey(): string {
    return this.#keys.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  }

  sign(
    claims: JWTPayload,
    {
      audience = AUDIENCE,
      expires = '1h',
      issuer = ISSUER,
      key = this.#keys.privateKey,
      notBefore = '0s',
    } = {},
  ): Promise<string> {
    return new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256' })
      .setSubject(claims.sub ?? 'ada')
      .setIssuer(issuer)
      .setAudience(audience)
      .setIssuedAt()
      .setNotBefore(notBefore)
      .setExpirationTime(expires)
      .sign(key);
  }
}

/** The header `authorization` of each principal that needs no API token; `undefined`: none. */
export async function headersOf(
  issuer: Issuer,
  names: { readonly main: string; readonly other: string },
): Promise<Map<PrincipalName, string | undefined>> {
  const headers = new Map<PrincipalName, string | undefined>();
  for (const [name, claims] of Object.entries(CLAIMS(names)))
    headers.set(name as PrincipalName, `Bearer ${await issuer.sign({ ...claims, sub: name })}`);
  const admin = { roles: ['admin'] };
  const bearer = async (...how: Parameters<Issuer['sign']>) => `Bearer ${await issuer.sign(...how)}`;
  const unsigned = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const stranger: KeyObject = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  headers.set('nobody', undefined);
  headers.set('with another scheme', 'Basic YWRtaW46YWRtaW4=');
  headers.set('with no token at all', 'Bearer');
  headers.set('with a bad signature', await bearer(admin, { key: stranger }));
  headers.set('with an expired token', await bearer(admin, { expires: '-1m', notBefore: '-1h' }));
  headers.set('with a token for somebody else', await bearer(admin, { audience: 'other' }));
  headers.set('with a token of another issuer', await bearer(admin, { issuer: 'https://evil.example' }));
  headers.set('with a token that is not valid yet', await bearer(admin, { notBefore: '10m' }));
  headers.set(
    'with an unsigned token',
    `Bearer ${unsigned({ alg: 'none' })}.${unsigned({ ...admin, sub: 'x', iss: ISSUER, aud: AUDIENCE, exp: 4e9 })}.`,
  );
  headers.set('with an unknown API token', `Bearer hw_${'0'.repeat(18)}_${'A'.repeat(43)}`);
  return headers;
}

export const JWT_SETTINGS = { jwtIssuers: [ISSUER], jwtAudiences: [AUDIENCE] };
