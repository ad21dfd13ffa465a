import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { newEvent, to } from '../../src/testing/builders.js';
import { openDatabase } from '../support/test-database.js';
import { revocations } from './revocations.js';
import { type Secured, secured } from './secured.js';

const ACCESS = {
  rules: [
    { name: 'admins', roles: ['admin'], actions: ['*'] },
    { name: 'readers', roles: ['reader'], actions: ['read'] },
    { name: 'writers', roles: ['writer'], actions: ['append'] },
  ],
  principals: {
    root: [{ role: 'admin', scope: 'system' }],
    exporter: [{ role: 'writer', scope: 'system' }],
  },
  jwt: { bindings: [{ claim: 'groups', value: 'team-*', role: '$rest', scope: 'system' }] },
};
const TRIALS = process.env['HEADWATER_TEST_LONG'] === undefined ? 10 : 100;
const SOON = { timeout: 20_000, interval: 20 };
const READER = { name: 'nightly', principal: 'exporter', bindings: [{ role: 'reader', scope: 'system' }] };
const append = (id: string) => ({
  streams: [to({ aggregateType: 'Order', aggregateId: id }, 'ANY', newEvent())],
});

/** What is open with these credentials until it is ended; gives with what, and when. */
function followed({ as }: Secured, token: string) {
  const { eventStore } = as({ token });
  let caughtUp: () => void = () => undefined;
  const open = new Promise<void>((resolve) => {
    caughtUp = resolve;
  });
  const ended = (async () => {
    for await (const { signal } of eventStore.subscribe({})) if (signal?.kind === 'CAUGHT_UP') caughtUp();
  })().then(
    () => ({ reason: 'done', message: '', at: Date.now() }),
    ({ message, reason }: Error & { reason: string }) => ({ reason, message, at: Date.now() }),
  );
  return { open, ended };
}

describe('an API token', () => {
  it('is good at once, at every instance, and no more once it is revoked', async () => {
    const all = await secured(ACCESS, { instances: 2 });
    const admin = await all.root();
    const { secret, token } = await admin.access.createToken(READER);
    const [here, there] = [all.as({ token: secret }, 0), all.as({ token: secret }, 1)];
    expect(await here.eventStore.countEvents()).toMatchObject({ count: 0n });
    expect(await there.eventStore.countEvents()).toMatchObject({ count: 0n });

    await admin.access.revokeToken(token.tokenId);
    const revoked = { reason: 'UNAUTHENTICATED', message: 'The token was revoked' };
    await expect(here.eventStore.countEvents()).rejects.toMatchObject(revoked);
    await expect
      .poll(
        () =>
          there.eventStore.countEvents().then(
            () => 'good',
            ({ message }: Error) => message,
          ),
        SOON,
      )
      .toBe(revoked.message);
  });

  it('is bound to what it was made with, and to nothing else that its principal may', async () => {
    const all = await secured(ACCESS);
    const admin = await all.root();
    const exporter = all.as({ token: await all.signed('exporter') });
    await exporter.eventStore.append(append('1'));
    await admin.access.grantRole('exporter', { role: 'admin', scope: 'system' });
    const { secret } = await admin.access.createToken(READER);
    const program = all.as({ token: secret });
    expect(await program.eventStore.countEvents()).toMatchObject({ count: 1n });
    const denied = { reason: 'POLICY_DENIED' };
    await expect(program.eventStore.append(append('2'))).rejects.toMatchObject(denied);
    await expect(program.access.listTokens()).rejects.toMatchObject(denied);
  });

  it('ends what is open with it when it expires', async () => {
    const all = await secured(ACCESS);
    const admin = await all.root();
    const { secret, token } = await admin.access.createToken({ ...READER, validForMs: 2000 });
    const { ended, open } = followed(all, secret);
    await open;
    const { at, ...why } = await ended;
    expect(why).toEqual({ reason: 'UNAUTHENTICATED', message: 'The credentials have expired' });
    const late = at - Number((token.expiresAt ?? 0n) / 1000n);
    expect(late).toBeGreaterThan(-100);
    expect(late).toBeLessThan(5000);
    await expect(all.as({ token: secret }).eventStore.countEvents()).rejects.toMatchObject({
      message: 'The token has expired',
    });
  });

  it('is nowhere in the database, and nobody is told it again', async () => {
    const all = await secured(ACCESS);
    const admin = await all.root();
    const { secret, token } = await admin.access.createToken(READER);
    const own = secret.slice(secret.lastIndexOf('_') + 1, -4);
    const database = openDatabase();
    try {
      const tables = await database.query(
        'append',
        `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = $1`,
        [all.accessNamespace],
      );
      const found = async (text: string) => {
        const hex = Buffer.from(text).toString('hex');
        let rows = 0;
        for (const [name] of tables) {
          const sql = `SELECT count(*)::int FROM ${String(name)} AS t WHERE position($1 in t::text) > 0 OR position($2 in t::text) > 0`;
          const [[count] = []] = await database.query('append', sql, [text, hex]);
          rows += Number(count);
        }
        return rows;
      };
      expect(tables.length).toBeGreaterThan(0);
      // What is looked for is found where it is there.
      expect(await found('nightly')).toBeGreaterThan(0);
      expect(await found(own)).toBe(0);
    } finally {
      await database.close();
    }
    const { tokens } = await admin.access.listTokens({ includeEnded: true });
    expect(tokens.map(({ tokenId }) => tokenId)).toEqual([token.tokenId]);
    expect(
      JSON.stringify(tokens, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
    ).not.toContain(own);
  });

  it('that is not quite one that was made is none', async () => {
    const all = await secured(ACCESS);
    const admin = await all.root();
    const { secret } = await admin.access.createToken(READER);
    const changed = {
      'another secret': `${secret.slice(0, -4)}AAAA`,
      'another id': secret.replace(/^hw_..../, 'hw_0000'),
      capitals: secret.toUpperCase(),
      'its id alone': secret.slice(0, 21),
      'something behind': `${secret}A`,
    };
    for (const [what, token] of Object.entries(changed)) {
      const error: unknown = await all
        .as({ token })
        .eventStore.countEvents()
        .catch((caught: unknown) => caught);
      expect(error, what).toMatchObject({ reason: 'UNAUTHENTICATED' });
      expect((error as Error).message, what).not.toContain(secret.slice(8, 20));
    }
  });

  it('that is revoked ends streams, appends and workers at both instances within five seconds', async () => {
    const ended = await revocations(TRIALS);
    expect(ended).toHaveLength(TRIALS);
    for (const { milliseconds, reasons } of ended) {
      expect(new Set(reasons)).toEqual(new Set(['UNAUTHENTICATED']));
      expect(milliseconds).toBeLessThan(5000);
    }
  }, 120_000);
});

describe('a token of the issuer', () => {
  it('ends what is open with it when it expires', async () => {
    const all = await secured(ACCESS, { jwtToleranceSeconds: 0 });
    const token = await all.signed('ada', { groups: ['team-reader'] }, 3);
    const { ended, open } = followed(all, token);
    await open;
    expect(await ended).toMatchObject({ reason: 'UNAUTHENTICATED', message: 'The credentials have expired' });
  });

  it('ends what is open with it when what its claims mean is taken away', async () => {
    const all = await secured(ACCESS);
    const { ended, open } = followed(all, await all.signed('ada', { groups: ['team-reader'] }));
    await open;
    const file = JSON.parse(readFileSync(all.accessFile, 'utf8')) as typeof ACCESS;
    writeFileSync(all.accessFile, JSON.stringify({ ...file, jwt: { bindings: [] } }));
    expect(await ended).toMatchObject({ reason: 'POLICY_DENIED' });
  });
});
