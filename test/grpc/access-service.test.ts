import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiToken, RoleGrant } from '../../src/auth/access-admin.js';
import type { RoleBinding } from '../../src/auth/principal.js';
import type { Connection } from '../../src/client/connect.js';
import { newEvent, to } from '../../src/testing/builders.js';
import { type Authenticated, openAuthenticated } from '../server/authenticated.js';

const RULES = [
  { name: 'readers', roles: ['reader'], scopes: ['namespace', 'system'], actions: ['read'] },
  {
    name: 'europe',
    roles: ['clerk'],
    actions: ['read', 'append'],
    streams: [{ aggregateType: 'Order', aggregateIdPrefix: 'eu-' }],
  },
  { name: 'makers', roles: ['maker'], actions: ['create-token'] },
  { name: 'elsewhere', roles: ['guest'], actions: ['load'], namespaces: ['elsewhere'] },
];
const reader: RoleBinding = { role: 'reader', scope: 'namespace' };
let service: Authenticated;
let root: Connection;
let other: Connection;

beforeAll(async () => {
  service = await openAuthenticated({ rules: RULES, instances: 2 });
  root = await service.as('root');
  other = await service.as('root', [], 1);
});
afterAll(() => service.close());

const order = (aggregateId: string) => ({ aggregateType: 'Order', aggregateId });

/** A subscription that has caught up; `end` is the error with which it ends. */
async function following({ eventStore }: Connection): Promise<{ readonly end: Promise<unknown> }> {
  let caughtUp: () => void = () => undefined;
  const there = new Promise<void>((resolve) => {
    caughtUp = resolve;
  });
  const ended = (async () => {
    for await (const { signal } of eventStore.subscribe({})) if (signal?.kind === 'CAUGHT_UP') caughtUp();
    return 'the end';
  })().catch((error: unknown) => error);
  await Promise.race([there, ended]);
  return { end: ended };
}

async function drained(pages: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of pages);
}

describe('a token', () => {
  it('calls as its principal with its own bindings and no others', async () => {
    await root.access.grantRole('bot', { role: 'admin', scope: 'system' });
    const bot = service.with(await service.tokenOf('bot', reader));
    expect(await bot.eventStore.countEvents()).toMatchObject({ count: expect.any(BigInt) as bigint });
    await expect(bot.access.listTokens()).rejects.toMatchObject({ reason: 'POLICY_DENIED' });
  });

  it('is told once: what is kept and listed does not make it good', async () => {
    const { secret, token } = await root.access.createToken({
      name: 'nightly export',
      principal: 'exporter',
      bindings: [{ ...reader, resource: service.namespace }],
      validForMs: 3_600_000,
    });
    expect(token).toMatchObject({
      name: 'nightly export',
      principal: 'exporter',
      bindings: [{ ...reader, resource: service.namespace }],
      createdBy: 'root',
      revokedAt: undefined,
    });
    expect(Number((token.expiresAt ?? 0n) - token.createdAt) / 1000).toBeCloseTo(3_600_000, -4);
    expect(Object.keys(token)).not.toContain('hash');
    const listed = async () => (await other.access.listTokens()).tokens;
    // The other instance follows the log of roles and tokens, and hears of it within moments.
    await expect.poll(listed).toContainEqual(token);
    const tokens = await listed();
    // What is told may hold underscores too, at its begin as well.
    const chance = secret.split('_').slice(2).join('_');
    expect(chance).toHaveLength(43);
    expect(JSON.stringify(tokens, (_, value: unknown) => String(value as string))).not.toContain(chance);
    expect(await service.with(secret).eventStore.countEvents()).toMatchObject({ count: 0n });
  });

  it.each([
    [
      'for oneself, with what one is bound to',
      'mia',
      [{ role: 'reader', scope: 'namespace', resource: 'a' }],
      true,
    ],
    ['for less than that', 'mia', [{ role: 'maker', scope: 'system', resource: 'a' }], true],
    ['for another', 'root', [{ role: 'maker', scope: 'system' }], false],
    ['for another role', 'mia', [{ role: 'admin', scope: 'system' }], false],
    ['for another scope', 'mia', [{ role: 'maker', scope: 'namespace' }], false],
    ['for another resource', 'mia', [{ role: 'reader', scope: 'namespace', resource: 'b' }], false],
    ['for all resources', 'mia', [{ role: 'reader', scope: 'namespace' }], false],
    ['for any resource', 'mia', [{ role: 'reader', scope: 'namespace', resource: '*' }], false],
    [
      'for one role too many',
      'mia',
      [
        { role: 'maker', scope: 'system' },
        { role: 'admin', scope: 'system' },
      ],
      false,
    ],
  ] as const)('by who may not give roles is made %s', async (_, principal, bindings, allowed) => {
    await root.access.grantRole('mia', { role: 'reader', scope: 'namespace', resource: 'a' });
    const mia = await service.as('mia', ['maker']);
    const made = mia.access.createToken({ name: 'x', principal, bindings });
    if (allowed) expect((await made).token).toMatchObject({ principal, bindings, createdBy: 'mia' });
    else await expect(made).rejects.toMatchObject({ reason: 'POLICY_DENIED' });
  });

  it('is listed page by page by when it was made, and once', async () => {
    const made: string[] = [];
    for (let number = 0; number < 5; number += 1)
      made.push(
        (await root.access.createToken({ name: `${number}`, principal: 'pages', bindings: [reader] })).token
          .tokenId,
      );
    await root.access.revokeToken(made[2] ?? '');
    const listed = async (includeEnded: boolean) => {
      const tokens: ApiToken[] = [];
      let pageToken: string | undefined;
      do {
        const page = await root.access.listTokens({
          pageSize: 2,
          includeEnded,
          ...(pageToken === undefined ? {} : { pageToken }),
        });
        expect(page.tokens.length).toBeLessThanOrEqual(2);
        tokens.push(...page.tokens);
        pageToken = page.nextPageToken;
      } while (pageToken !== undefined);
      return tokens.filter(({ principal }) => principal === 'pages').map(({ tokenId }) => tokenId);
    };
    expect(await listed(true)).toEqual(made);
    expect(await listed(false)).toEqual(made.toSpliced(2, 1));
  });

  it('that is revoked is refused at both instances, and ends what it follows', async () => {
    const { secret, token } = await root.access.createToken({
      name: 'x',
      principal: 'x',
      bindings: [reader],
    });
    const [here, there] = [service.with(secret, 0), service.with(secret, 1)];
    await expect
      .poll(() =>
        there.eventStore.countEvents().then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    const followed = await Promise.all([here, there].map(following));
    const revoked = await other.access.revokeToken(token.tokenId);
    expect(revoked.revokedAt).toBeTypeOf('bigint');
    expect(await other.access.revokeToken(token.tokenId)).toEqual(revoked);
    await expect(there.eventStore.countEvents()).rejects.toMatchObject({
      reason: 'UNAUTHENTICATED',
      message: 'The token was revoked',
    });
    await expect
      .poll(() => here.eventStore.countEvents().catch((error: unknown) => error))
      .toMatchObject({
        reason: 'UNAUTHENTICATED',
      });
    for (const { end } of followed) expect(await end).toMatchObject({ reason: 'UNAUTHENTICATED' });
  });

  it('that has expired is refused, and ends what it follows', async () => {
    const { secret } = await root.access.createToken({
      name: 'x',
      principal: 'x',
      bindings: [reader],
      validForMs: 1000,
    });
    const brief = service.with(secret);
    expect(await (await following(brief)).end).toMatchObject({ reason: 'UNAUTHENTICATED' });
    await expect(brief.eventStore.countEvents()).rejects.toMatchObject({ message: 'The token has expired' });
  });
});

describe('a role', () => {
  const clerk: RoleBinding = { role: 'clerk', scope: 'system' };

  it('holds at once where it is given, within seconds elsewhere, and ends what it let in when it is taken', async () => {
    const [here, there] = [await service.as('nia'), await service.as('nia', [], 1)];
    const seen = (connection: Connection) =>
      connection.eventStore.countEvents().then(
        () => 'ALLOWED',
        (error: { reason?: string }) => error.reason,
      );
    expect(await seen(here)).toBe('POLICY_DENIED');
    expect(await root.access.grantRole('nia', clerk)).toBe(true);
    expect(await seen(here)).toBe('ALLOWED');
    await expect.poll(() => seen(there)).toBe('ALLOWED');
    const followed = await Promise.all([here, there].map(following));
    expect(await root.access.revokeRole('nia', clerk)).toBe(true);
    expect(await seen(here)).toBe('POLICY_DENIED');
    for (const { end } of followed) expect(await end).toMatchObject({ reason: 'POLICY_DENIED' });
    await expect.poll(() => seen(there)).toBe('POLICY_DENIED');
  });

  it('is given once and taken once, whichever instance is asked', async () => {
    expect(await root.access.grantRole('ida', clerk)).toBe(true);
    expect(await other.access.grantRole('ida', clerk)).toBe(false);
    expect(await other.access.revokeRole('ida', clerk)).toBe(true);
    expect(await root.access.revokeRole('ida', clerk)).toBe(false);
    expect(await root.access.revokeRole('never', clerk)).toBe(false);
    const both = await Promise.all(
      [root, other, root, other].map(({ access }) => access.grantRole('ida', clerk)),
    );
    expect(both.filter(Boolean)).toHaveLength(1);
  });

  it('is another with another resource', async () => {
    await root.access.grantRole('zoe', reader);
    expect(await root.access.revokeRole('zoe', { ...reader, resource: 'a' })).toBe(false);
    expect(await root.access.grantRole('zoe', { ...reader, resource: 'a' })).toBe(true);
    const { grants } = await root.access.listRoles({ principal: 'zoe' });
    expect(grants.map(({ binding }) => binding)).toEqual([reader, { ...reader, resource: 'a' }]);
  });

  it('is listed page by page, with those of the file', async () => {
    for (const role of ['a', 'b', 'c']) await root.access.grantRole('vera', { role, scope: 's' });
    const grants: RoleGrant[] = [];
    let pageToken: string | undefined;
    do {
      const page = await root.access.listRoles({
        pageSize: 2,
        ...(pageToken === undefined ? {} : { pageToken }),
      });
      grants.push(...page.grants);
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined);
    const principals = grants.map(({ principal }) => principal);
    expect(principals).toEqual([...principals].sort());
    expect(grants.filter(({ principal }) => principal === 'vera')).toMatchObject([
      { binding: { role: 'a', scope: 's' }, grantedBy: 'root' },
      { binding: { role: 'b', scope: 's' }, grantedBy: 'root' },
      { binding: { role: 'c', scope: 's' }, grantedBy: 'root' },
    ]);
    expect(grants).toContainEqual({
      principal: 'root',
      binding: { role: 'admin', scope: 'system' },
      grantedAt: 0n,
      grantedBy: '',
    });
  });
});

describe('questions', () => {
  it('are answered with the rules as they stand in the file', async () => {
    const { rules, shadow } = await root.access.listRules();
    expect(rules).toEqual([{ name: 'admins', roles: ['admin'], actions: ['*'] }, ...RULES]);
    expect(shadow).toBe(false);
  });

  it('who can: rules that are enough, and principals of the file, of grants and of tokens', async () => {
    await root.access.grantRole('gus', { role: 'clerk', scope: 'system' });
    await service.tokenOf('tina', { role: 'clerk', scope: 'system' });
    const europe = await root.access.whoCan({
      action: 'append',
      resources: [{ kind: 'STREAM', stream: order('eu-1') }],
    });
    expect(europe.roles.map(({ rule }) => rule)).toEqual(['admins', 'europe']);
    expect(europe.principals).toEqual(expect.arrayContaining(['gus', 'root', 'tina']));
    const america = await root.access.whoCan({
      action: 'append',
      resources: [{ kind: 'STREAM', stream: order('us-1') }],
    });
    expect(america.roles.map(({ rule }) => rule)).toEqual(['admins']);
    expect(america.principals).not.toContain('gus');
    expect(america.principals).not.toContain('tina');
  });

  it.each([
    ['they have no role', 'load', [], []],
    ['no rule is about that', 'execute', ['reader'], []],
    ['the rules about that are for other roles or scopes', 'append', ['reader'], []],
    ['the rules for their roles are about other namespaces', 'load', ['guest'], []],
    [
      'the rules for their roles are about other things',
      'append',
      ['clerk'],
      [{ kind: 'STREAM', stream: { aggregateType: 'Order', aggregateId: 'us-1' } }],
    ],
    [
      'it is about more than they may see, and cannot be narrowed to that',
      'append',
      ['clerk'],
      [{ kind: 'AGGREGATE_TYPE', aggregateType: 'Order' }],
    ],
  ] as const)('explain a refusal: %s', async (because, action, roles, resources) => {
    const bindings = roles.map((role) => ({ role, scope: 'system' }));
    // An administrator may do everything, so that no rule at all is about something only without that rule.
    const asked = { action, resources, principal: 'eve', ...(bindings.length === 0 ? {} : { bindings }) };
    const explained = await root.access.explainAccess(asked);
    const said =
      because === 'no rule is about that' ? 'the rules about that are for other roles or scopes' : because;
    expect(explained).toEqual({
      allowed: false,
      summary: `eve may not ${action} in ${service.namespace}: ${said}`,
      rules: [],
      only: [],
    });
  });

  it('explain what is allowed: by which rules, and narrowed to what', async () => {
    expect(
      await root.access.explainAccess({ action: 'load', bindings: [{ role: 'clerk', scope: 'system' }] }),
    ).toEqual({
      allowed: true,
      summary: `root may load in ${service.namespace} by europe, and sees Order/eu-*`,
      rules: ['europe'],
      only: ['Order/eu-*'],
    });
    expect(await root.access.explainAccess({ action: 'create-token' })).toMatchObject({
      allowed: true,
      rules: ['admins'],
    });
  });

  it('explain what really happens', async () => {
    const clerk = await service.as('cleo', ['clerk']);
    for (const [stream, action] of [
      [order('eu-7'), 'append'],
      [order('us-7'), 'append'],
    ] as const) {
      const { allowed } = await root.access.explainAccess({
        action,
        principal: 'cleo',
        bindings: [{ role: 'clerk', scope: 'system' }],
        resources: [{ kind: 'STREAM', stream }],
      });
      const done = await clerk.eventStore
        .append({ streams: [to(stream, 'ANY', newEvent({ json: 1 }))] })
        .then(
          () => true,
          () => false,
        );
      expect(done).toBe(allowed);
    }
  });
});

describe('bad input', () => {
  const much = Array.from({ length: 101 }, () => reader);
  it.each([
    ['createToken', { name: '', principal: 'x', bindings: [reader] }, 'name'],
    ['createToken', { name: 'x', principal: 'a'.repeat(256), bindings: [reader] }, 'principal'],
    ['createToken', { name: 'x', principal: 'x', bindings: [] }, 'bindings'],
    ['createToken', { name: 'x', principal: 'x', bindings: much }, 'bindings'],
    ['createToken', { name: 'x', principal: 'x', bindings: [{ role: '', scope: 's' }] }, 'bindings[0].role'],
    ['createToken', { name: 'x', principal: 'x', bindings: [reader], validForMs: 999 }, 'valid_for'],
    ['createToken', { name: 'x', principal: 'x', bindings: [reader], validForMs: -5000 }, 'valid_for'],
    ['listTokens', { pageSize: 1001 }, 'page_size'],
    ['listTokens', { pageToken: 'never' }, 'page_token'],
    ['listRoles', { pageToken: 'never' }, 'page_token'],
    ['whoCan', { action: 'fly' }, 'action'],
    ['whoCan', { action: 'load', namespace: 'A B' }, 'namespace'],
    ['explainAccess', { action: 'load', bindings: much }, 'bindings'],
    [
      'explainAccess',
      { action: 'load', resources: [{ kind: 'AGGREGATE_TYPE', aggregateType: '' }] },
      'resources[0]',
    ],
  ] as const)('of %s is told with its field: %#', async (method, request, field) => {
    const ask = root.access[method].bind(root.access) as (request: unknown) => Promise<unknown>;
    await expect(ask(request)).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
      violations: expect.arrayContaining([expect.objectContaining({ field })]) as unknown,
    });
  });

  it('as a token id that is none, a role without a scope, or an audit that ends before it begins, is told', async () => {
    for (const [asked, field] of [
      [() => root.access.revokeToken('nothing'), 'token_id'],
      [() => root.access.revokeToken(''), 'token_id'],
      [() => root.access.grantRole('x', { role: 'a', scope: '' }), 'binding.scope'],
      [() => root.access.grantRole('', reader), 'principal'],
      [() => root.access.revokeRole('x', { role: '\n', scope: 's' }), 'binding.role'],
      [() => drained(root.access.readAudit({ limit: 100_001 })), 'limit'],
      [() => drained(root.access.readAudit({ from: 2n, to: 1n })), 'to'],
    ] as const)
      await expect(asked(), field).rejects.toMatchObject({
        reason: 'INVALID_REQUEST',
        violations: [expect.objectContaining({ field })],
      });
  });
});
