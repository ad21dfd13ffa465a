import { createHmac, generateKeyPairSync, publicEncrypt } from 'node:crypto';
import { ASYMMETRIC } from '../../src/access/jwt-verifier.js';
import type { Clock } from './clock.js';
import {
  type Algorithm,
  AUDIENCE,
  base64url,
  claims,
  goodToken,
  ISSUER,
  KEY_OF,
  type Keys,
  signature,
  token,
} from './issuer.js';

/** A token that must not be good, and what is wrong with it. */
export interface Forgery {
  readonly what: string;
  readonly token: string;
}

const NOTHING = () => new Uint8Array();

/** What people have tried on verifiers, and what issuers might sign that is not for us. */
export function forgeries(keys: Keys, stolen: Keys, clock: Clock): readonly Forgery[] {
  return [
    ...algorithmsOfNobody(keys, clock),
    ...sharedSecrets(keys, clock),
    ...swappedAlgorithms(keys, clock),
    ...ellipticSignatures(keys, clock),
    ...otherSignatures(keys, stolen, clock),
    ...keyIds(keys, stolen, clock),
    ...headers(keys, stolen, clock),
    ...wrongClaims(keys, clock),
    ...kinds(keys, clock),
    ...forms(keys, clock),
  ];
}

function algorithmsOfNobody(keys: Keys, clock: Clock): readonly Forgery[] {
  const algs = ['none', 'None', 'NONE', 'nOnE', '', ' ES256', 'es256', null, undefined, 0, ['ES256'], {}];
  return algs.flatMap((alg) => {
    const header = { alg, kid: 'p256' };
    const signed = (input: string) => signature('ES256', keys.p256.privateKey, input);
    const what = `alg ${JSON.stringify(alg)}`;
    return [
      { what: `${what}, unsigned`, token: token(header, claims(clock), NOTHING) },
      { what: `${what}, signed with the key`, token: token(header, claims(clock), signed) },
      { what: `${what}, signed with a byte`, token: token(header, claims(clock), () => Buffer.of(0)) },
    ];
  });
}

function sharedSecrets(keys: Keys, clock: Clock): readonly Forgery[] {
  const { publicKey } = keys.rsa;
  const pem = String(publicKey.export({ type: 'spki', format: 'pem' }));
  const jwk = publicKey.export({ format: 'jwk' });
  const secrets: Readonly<Record<string, string | Uint8Array>> = {
    'the PEM': pem,
    'the PEM without its last line break': pem.trim(),
    'the PEM with CRLF': pem.replaceAll('\n', '\r\n'),
    'the PKCS1 PEM': String(publicKey.export({ type: 'pkcs1', format: 'pem' })),
    'the DER': publicKey.export({ type: 'spki', format: 'der' }),
    'the JWK': JSON.stringify(jwk),
    'the modulus': Buffer.from(String(jwk.n), 'base64url'),
    nothing: '',
    'a word': 'secret',
  };
  return ['256', '384', '512'].flatMap((bits) =>
    Object.entries(secrets).map(([what, secret]) => ({
      what: `HS${bits} with ${what} as the secret`,
      token: token({ alg: `HS${bits}`, kid: 'rsa' }, claims(clock), (input) =>
        createHmac(`sha${bits}`, secret).update(input).digest(),
      ),
    })),
  );
}

function swappedAlgorithms(keys: Keys, clock: Clock): readonly Forgery[] {
  return ASYMMETRIC.flatMap((signed) =>
    ASYMMETRIC.filter((said) => said !== signed).map((said) => ({
      what: `signed as ${signed}, said to be ${said}`,
      token: token({ alg: said, kid: KEY_OF[signed] }, claims(clock), (input) =>
        signature(signed, keys[KEY_OF[signed]].privateKey, input),
      ),
    })),
  );
}

/** The orders of the curves, which r and s must be below. */
const ORDERS: Readonly<Record<string, string>> = {
  ES256: 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
  ES384: 'ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
  ES512:
    '01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409',
};

function ellipticSignatures(keys: Keys, clock: Clock): readonly Forgery[] {
  return (['ES256', 'ES384', 'ES512'] as const).flatMap((alg) => {
    const order = Buffer.from(ORDERS[alg] ?? '', 'hex');
    const half = order.length;
    const zero = Buffer.alloc(half);
    const good = (input: string) => signature(alg, keys[KEY_OF[alg]].privateKey, input);
    const made: Readonly<Record<string, (input: string) => Uint8Array>> = {
      'all zeros (CVE-2022-21449)': () => Buffer.alloc(2 * half),
      'r of zero': (input) => Buffer.concat([zero, good(input).subarray(half)]),
      's of zero': (input) => Buffer.concat([good(input).subarray(0, half), zero]),
      'r and s of the order': () => Buffer.concat([order, order]),
      's of the order': (input) => Buffer.concat([good(input).subarray(0, half), order]),
      'r and s of one': () =>
        Buffer.concat([zero, zero])
          .fill(1, half - 1, half)
          .fill(1, 2 * half - 1),
      'all ones': () => Buffer.alloc(2 * half, 0xff),
      "r and s in each other's place": (input) =>
        Buffer.concat([good(input).subarray(half), good(input).subarray(0, half)]),
      'one byte less': (input) => good(input).subarray(0, -1),
      'one byte more': (input) => Buffer.concat([good(input), Buffer.of(0)]),
      'DER around it': (input) => der(good(input)),
    };
    return Object.entries(made).map(([what, signed]) => ({
      what: `${alg} signature: ${what}`,
      token: token({ alg, kid: KEY_OF[alg] }, claims(clock), signed),
    }));
  });
}

/** Two integers in a sequence, as TLS has signatures. */
function der(signed: Buffer): Buffer {
  const half = signed.length / 2;
  const integer = (bytes: Buffer) => Buffer.concat([Buffer.of(2, bytes.length + 1, 0), bytes]);
  const both = Buffer.concat([integer(signed.subarray(0, half)), integer(signed.subarray(half))]);
  return Buffer.concat([Buffer.of(0x30, both.length), both]);
}

function otherSignatures(keys: Keys, stolen: Keys, clock: Clock): readonly Forgery[] {
  const good = goodToken(keys, 'ES256', claims(clock));
  const [header = '', payload = '', signed = ''] = good.split('.');
  const others = goodToken(keys, 'ES256', claims(clock, { sub: 'root' })).split('.');
  return [
    ...ASYMMETRIC.map((alg) => ({
      what: `${alg} with a key of somebody else`,
      token: goodToken(stolen, alg, claims(clock)),
    })),
    ...ASYMMETRIC.map((alg) => ({
      what: `${alg} without a signature`,
      token: token({ alg, kid: KEY_OF[alg] }, claims(clock), NOTHING),
    })),
    { what: 'the claims of another token', token: `${header}.${others[1]}.${signed}` },
    { what: 'the signature of another token', token: `${header}.${payload}.${others[2]}` },
    {
      what: 'another subject',
      token: `${header}.${base64url(claims(clock, { sub: 'root' }))}.${signed}`,
    },
    { what: 'another header', token: `${base64url({ alg: 'ES256' })}.${payload}.${signed}` },
    {
      what: 'a signature of the claims alone',
      token: token({ alg: 'ES256', kid: 'p256' }, claims(clock), () =>
        signature('ES256', keys.p256.privateKey, payload),
      ),
    },
    {
      what: 'a signature of another hash',
      token: token({ alg: 'RS256', kid: 'rsa' }, claims(clock), (input) =>
        signature('RS512', keys.rsa.privateKey, input),
      ),
    },
  ];
}

function keyIds(keys: Keys, stolen: Keys, clock: Clock): readonly Forgery[] {
  const kids = [
    '../../../../../../dev/null',
    '/dev/null',
    'file:///etc/passwd',
    '/proc/self/environ',
    'p256/../p256',
    "p256' OR '1'='1",
    "x' UNION SELECT 'key' --",
    '| cat /etc/passwd',
    'https://attacker.example/key',
    '__proto__',
    'constructor',
    'toString',
    'P256',
    ' p256',
    'p256\u0000',
    'p256\u200b',
    'р256',
    '*',
    'k'.repeat(4000),
  ];
  const wrongTypes: readonly unknown[] = [null, 1, true, [], ['p256'], {}, { toString: 'p256' }];
  const signedBy = (key: Keys, kid: unknown) =>
    token({ alg: 'ES256', kid }, claims(clock), (input) => signature('ES256', key.p256.privateKey, input));
  return [
    ...kids.flatMap((kid) => [
      { what: `kid ${kid.slice(0, 30)}, key of somebody else`, token: signedBy(stolen, kid) },
      { what: `kid ${kid.slice(0, 30)}, which is not that of the key`, token: signedBy(keys, kid) },
    ]),
    ...[...wrongTypes, ''].map((kid) => ({
      what: `kid ${JSON.stringify(kid)}, key of somebody else`,
      token: signedBy(stolen, kid),
    })),
    { what: 'no kid, key of somebody else', token: signedBy(stolen, undefined) },
  ];
}

function headers(keys: Keys, stolen: Keys, clock: Clock): readonly Forgery[] {
  const jwk = stolen.p256.publicKey.export({ format: 'jwk' });
  const url = 'https://attacker.example/keys';
  const brought: readonly object[] = [
    { jwk },
    { jwk: { ...jwk, kid: 'p256' } },
    { jku: url },
    { jku: `${ISSUER}@attacker.example/keys` },
    { jku: 'file:///tmp/keys' },
    { x5u: url },
    { x5c: [base64url(stolen.p256.publicKey.export({ type: 'spki', format: 'der' }))] },
    { x5t: 'AAAA', 'x5t#S256': 'AAAA' },
    { jwk, jku: url, x5u: url },
  ];
  const critical: readonly unknown[] = [
    ['exp'],
    ['b64'],
    ['kid', 'made-up'],
    ['made-up'],
    ['alg'],
    [],
    [''],
    [1],
    'exp',
    {},
    null,
    true,
  ];
  return [
    ...brought.flatMap((header) =>
      [{}, { kid: undefined }].map((kid) => ({
        what: `a header that brings ${Object.keys(header).join(', ')}${'kid' in kid ? ' and names no key' : ''}`,
        token: goodToken(stolen, 'ES256', claims(clock), { ...header, ...kid }),
      })),
    ),
    ...critical.map((crit) => ({
      what: `crit ${JSON.stringify(crit)}`,
      token: goodToken(keys, 'ES256', claims(clock), { crit, 'made-up': 1 }),
    })),
    {
      what: 'b64 false, with the payload as it is',
      token: unencoded(keys, clock),
    },
    {
      what: 'b64 false, with the payload encoded',
      token: goodToken(keys, 'ES256', claims(clock), { b64: false, crit: ['b64'] }),
    },
    {
      what: 'alg twice, none the last',
      token: token('{"alg":"ES256","kid":"p256","alg":"none"}', claims(clock), NOTHING),
    },
    {
      what: 'alg twice, none the first',
      token: token('{"alg":"none","kid":"p256","alg":"ES256"}', claims(clock), NOTHING),
    },
  ];
}

function unencoded(keys: Keys, clock: Clock): string {
  const header = base64url({ alg: 'ES256', kid: 'p256', b64: false, crit: ['b64'] });
  const payload = JSON.stringify(claims(clock));
  const signed = signature('ES256', keys.p256.privateKey, `${header}.${payload}`);
  return `${header}.${payload}.${base64url(signed)}`;
}

function wrongClaims(keys: Keys, clock: Clock): readonly Forgery[] {
  const now = Number(clock.now() / 1_000_000n);
  const values: Readonly<Record<string, readonly unknown[]>> = {
    exp: [undefined, null, now - 6, now - 86_400, 0, -1, String(now + 300), '', true, [now + 300], {}],
    nbf: [now + 6, now + 86_400, null, String(now - 10), true, [], {}, 1e15],
    iat: [now + 6, now + 86_400, null, String(now), true, [], {}],
    aud: [
      undefined,
      null,
      '',
      'other',
      'headwate',
      'headwater2',
      'HEADWATER',
      ' headwater',
      'headwater other',
      'headwater,other',
      [],
      ['other'],
      [['headwater']],
      { headwater: true },
      true,
      1,
    ],
    iss: [
      undefined,
      null,
      '',
      `${ISSUER}/`,
      ISSUER.replace('https', 'http'),
      ISSUER.toUpperCase(),
      `${ISSUER}.attacker.example`,
      `${ISSUER}@attacker.example`,
      'https://attacker.example',
      [ISSUER],
      { iss: ISSUER },
      true,
    ],
    sub: [
      undefined,
      null,
      '',
      1,
      true,
      ['ada'],
      { sub: 'ada' },
      'a'.repeat(300),
      'ada\u0000',
      'ada\nroot',
      '\ud800',
    ],
  };
  const raw = (what: string, text: string): Forgery => ({
    what,
    token: token({ alg: 'ES256', kid: 'p256' }, text, (input) =>
      signature('ES256', keys.p256.privateKey, input),
    ),
  });
  const rest = `"iss":"${ISSUER}","sub":"ada"`;
  return [
    ...Object.entries(values).flatMap(([claim, wrong]) =>
      wrong.map((value) => ({
        what: `${claim} ${JSON.stringify(value)?.slice(0, 40)}`,
        token: goodToken(keys, 'ES256', claims(clock, { [claim]: value })),
      })),
    ),
    raw('an exp without end', `{${rest},"aud":"${AUDIENCE}","exp":1e400}`),
    raw('exp twice, the last over', `{${rest},"aud":"${AUDIENCE}","exp":${now + 300},"exp":${now - 60}}`),
    raw('aud twice, the last another', `{${rest},"exp":${now + 300},"aud":"${AUDIENCE}","aud":"other"}`),
    raw('iss of the prototype', `{"__proto__":{"iss":"${ISSUER}"},"aud":"${AUDIENCE}","exp":${now + 300}}`),
    raw(
      'sub of the prototype',
      `{"__proto__":{"sub":"root"},"iss":"${ISSUER}","aud":"${AUDIENCE}","exp":${now + 300}}`,
    ),
  ];
}

function kinds(keys: Keys, clock: Clock): readonly Forgery[] {
  const typs = [
    'logout+jwt',
    'secevent+jwt',
    'dpop+jwt',
    'token-introspection+jwt',
    'application/dpop+jwt',
    'JOSE',
    'JWE',
    'vc+sd-jwt',
    'text/jwt',
    'jwt ',
    'xjwt',
    '',
    null,
    1,
    ['JWT'],
    {},
  ];
  return typs.map((typ) => ({
    what: `typ ${JSON.stringify(typ)}`,
    token: goodToken(keys, 'ES256', claims(clock), { typ }),
  }));
}

function forms(keys: Keys, clock: Clock): readonly Forgery[] {
  const good = goodToken(keys, 'ES256', claims(clock));
  const [header = '', payload = '', signed = ''] = good.split('.');
  const es256 = (text: string): string =>
    token({ alg: 'ES256', kid: 'p256' }, text, (input) => signature('ES256', keys.p256.privateKey, input));
  const badHeader = (text: string) =>
    token(text, claims(clock), (input) => signature('ES256', keys.p256.privateKey, input));
  const texts: Readonly<Record<string, string>> = {
    nothing: '',
    'a dot': '.',
    'two dots': '..',
    'three dots': '...',
    'a word': 'token',
    'three letters': 'a.b.c',
    'two parts': `${header}.${payload}`,
    'four parts': `${good}.${signed}`,
    'the parts in another order': `${payload}.${header}.${signed}`,
    'a dot in front': `.${good}`,
    'a dot behind': `${good}.`,
    'a detached payload': `${header}..${signed}`,
    'no header': `.${payload}.${signed}`,
    'a blank in front': ` ${good}`,
    'a blank behind': `${good} `,
    'a line break behind': `${good}\n`,
    'CRLF behind': `${good}\r\n`,
    'a tab in the header': `${header.slice(0, 5)}\t${header.slice(5)}.${payload}.${signed}`,
    'a blank in the claims': `${header}.${payload.slice(0, 5)} ${payload.slice(5)}.${signed}`,
    'a line break in the signature': `${header}.${payload}.${signed.slice(0, 5)}\n${signed.slice(5)}`,
    'a form feed in the signature': `${header}.${payload}.${signed.slice(0, 5)}\f${signed.slice(5)}`,
    'a NUL behind': `${good}\u0000`,
    'a zero-width space': `${header}.\u200b${payload}.${signed}`,
    'a byte order mark': `\ufeff${good}`,
    'full-width dots': [header, payload, signed].join('．'),
    'a letter that looks the same': good.replace('e', 'е'),
    'a lone surrogate': `${good}\ud800`,
    padding: `${header}=.${payload}==.${signed}==`,
    'padding of the signature': `${good}==`,
    'percent signs': encodeURIComponent(good).replace('.', '%2E'),
    'quotes around it': `"${good}"`,
    'Bearer in front': `Bearer ${good}`,
    'itself twice': `${good},${good}`,
    'plain base64': es256(JSON.stringify({ ...claims(clock), note: '>>>???' })).replace(/[-_]/, '+'),
    'JSON, flattened': JSON.stringify({ protected: header, payload, signature: signed }),
    'JSON, general': JSON.stringify({ payload, signatures: [{ protected: header, signature: signed }] }),
    'disclosures behind': `${good}~WyJzYWx0Iiwic3ViIiwicm9vdCJd~`,
    'more bytes than allowed': goodToken(keys, 'ES256', claims(clock, { note: 'x'.repeat(8192) })),
    'a megabyte': 'a'.repeat(1024 * 1024),
    'a megabyte of dots': '.'.repeat(1024 * 1024),
    'claims that are no JSON': es256('ada'),
    'claims that are cut off': es256('{"sub":"ada"'),
    'claims that are a list': es256(JSON.stringify([claims(clock)])),
    'claims that are text': es256('"ada"'),
    'claims that are null': es256('null'),
    'claims that are a number': es256('1'),
    'claims that are true': es256('true'),
    'claims that are empty': es256('{}'),
    'claims behind a byte order mark': es256(`\ufeff${JSON.stringify(claims(clock))}x`),
    'claims that are deeply nested': es256('['.repeat(3000) + ']'.repeat(3000)),
    'claims that are no UTF-8': token({ alg: 'ES256', kid: 'p256' }, '', NOTHING).replace(
      '..',
      `.${Buffer.from([0xc3, 0x28]).toString('base64url')}.`,
    ),
    'a header that is no JSON': badHeader('ES256'),
    'a header that is a list': badHeader('[]'),
    'a header that is null': badHeader('null'),
    'a header that is text': badHeader('"ES256"'),
    'a header that is empty': badHeader('{}'),
    'a header that is no UTF-8': `${Buffer.from([0xff]).toString('base64url')}.${payload}.${signed}`,
    'a token in a token': token({ alg: 'ES256', kid: 'p256', cty: 'JWT' }, good, (input) =>
      signature('ES256', keys.p256.privateKey, input),
    ),
    'an encrypted token': encrypted(keys),
    'an encrypted token with an empty key': `${base64url({ alg: 'dir', enc: 'A256GCM' })}..AAAA.AAAA.AAAA`,
    'an API token': 'hw_0123456789abcdef01_'.padEnd(65, 'x'),
    'a PASETO': 'v4.public.eyJzdWIiOiJhZGEifQ',
    'a SAML assertion': Buffer.from('<saml:Assertion/>').toString('base64'),
    'a password': 'YWRhOnNlY3JldA==',
  };
  return Object.entries(texts).map(([what, text]) => ({ what: `form: ${what}`, token: text }));
}

/** Five parts, of which the key can be read by the issuer alone. */
function encrypted({ rsa }: Keys): string {
  const { publicKey } = rsa;
  const key = publicEncrypt({ key: publicKey, oaepHash: 'sha256' }, Buffer.alloc(32));
  return [{ alg: 'RSA-OAEP-256', enc: 'A256GCM' }, key, 'iv', 'text', 'tag'].map(base64url).join('.');
}

/** Tokens that would be good if the verifier took algorithms that the settings leave out. */
export function leftOut(keys: Keys, clock: Clock, allowed: readonly Algorithm[]): readonly Forgery[] {
  return ASYMMETRIC.filter((alg) => !allowed.includes(alg)).map((alg) => ({
    what: alg,
    token: goodToken(keys, alg, claims(clock)),
  }));
}

/** An RSA key that is too short for any algorithm. */
export function shortKey() {
  return generateKeyPairSync('rsa', { modulusLength: 1024 });
}
