import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAccessFile } from '../../src/access/access-file.js';
import { certificatePrincipal } from '../../src/access/certificates.js';
import { bindingsOfClaims } from '../../src/access/claims.js';
import { decideAccess } from '../../src/auth/access-decision.js';
import type { Action, Plan, Resource } from '../../src/auth/plan.js';
import type { RoleBinding } from '../../src/auth/principal.js';

const file = parseAccessFile(
  readFileSync(path.resolve(import.meta.dirname, '../../examples/access/access.json'), 'utf8'),
);

const stream = (aggregateType: string, aggregateId: string): Resource => ({
  kind: 'STREAM',
  stream: { aggregateType, aggregateId },
});
const LOG: Resource = { kind: 'LOG' };
const SERVICE: Resource = { kind: 'SERVICE' };

/** Who there is in the shop. */
const WHO = {
  reader: [{ role: 'reader', scope: 'namespace', resource: 'shop' }],
  writer: [{ role: 'writer', scope: 'namespace', resource: 'shop' }],
  support: [
    { role: 'support', scope: 'customer', resource: '42' },
    { role: 'staff', scope: 'namespace', resource: 'shop' },
  ],
  warehouse: [{ role: 'warehouse', scope: 'region' }],
  mailer: [{ role: 'mailer', scope: 'system' }],
  projector: [{ role: 'projector', scope: 'system' }],
  operator: [{ role: 'operator', scope: 'system' }],
  admin: [{ role: 'admin', scope: 'system' }],
  stranger: [],
} satisfies Record<string, readonly RoleBinding[]>;
type Who = keyof typeof WHO;

function decided(who: Who, action: Action, resources: readonly Resource[], namespace = 'shop') {
  const plan: Plan = {
    principal: { kind: 'USER', id: who, bindings: WHO[who] },
    namespace,
    action,
    resources,
  };
  return decideAccess(file.rules, plan);
}

/** What the file means, said once more: what is done, to what, and who of them may. */
const MEANT: readonly (readonly [Action, readonly Resource[], readonly Who[]])[] = [
  ['load', [stream('Customer', '42')], ['reader', 'writer', 'support', 'projector', 'admin']],
  ['load', [stream('Customer', '43')], ['reader', 'writer', 'projector', 'admin']],
  ['load', [stream('Order', 'eu-1')], ['reader', 'writer', 'warehouse', 'projector', 'admin']],
  ['load', [stream('Order', 'us-1')], ['reader', 'writer', 'projector', 'admin']],
  ['load', [stream('Invoice', '1')], ['reader', 'projector', 'admin']],
  ['load', [LOG], ['reader', 'writer', 'support', 'warehouse', 'projector', 'admin']],
  ['subscribe', [LOG], ['reader', 'writer', 'support', 'warehouse', 'projector', 'admin']],
  ['append', [stream('Order', 'eu-1')], ['writer', 'admin']],
  ['append', [stream('Order', 'eu-1'), stream('Customer', '42')], ['writer', 'admin']],
  ['append', [stream('Order', 'eu-1'), stream('Invoice', '1')], ['admin']],
  // With a condition, which tells of events of any stream.
  ['append', [stream('Order', 'eu-1'), LOG], ['admin']],
  ['delete-stream', [stream('Order', 'eu-1')], ['admin']],
  ['erase-stream', [stream('Customer', '42')], ['admin']],
  ['execute', [{ kind: 'COMMAND_TYPE', commandType: 'ChangeAddress' }], ['support', 'admin']],
  ['execute', [{ kind: 'COMMAND_TYPE', commandType: 'PlaceOrder' }], ['admin']],
  ['consume', [{ kind: 'CONSUMER_GROUP', group: 'mail' }, LOG], ['mailer', 'admin']],
  ['consume', [{ kind: 'CONSUMER_GROUP', group: 'bills' }, LOG], ['admin']],
  ['reset-group', [{ kind: 'CONSUMER_GROUP', group: 'mail' }], ['operator', 'admin']],
  ['run-projection', [{ kind: 'PROJECTION', projection: 'shop_sales' }], ['projector', 'admin']],
  ['run-projection', [{ kind: 'PROJECTION', projection: 'other' }], ['admin']],
  ['rebuild-projection', [{ kind: 'PROJECTION', projection: 'shop_sales' }], ['operator', 'admin']],
  ['list-namespaces', [SERVICE], ['operator', 'admin']],
  ['create-namespace', [{ kind: 'NAMESPACE', name: 'fair' }], ['admin']],
  ['drop-namespace', [{ kind: 'NAMESPACE', name: 'shop' }], ['admin']],
  ['create-token', [SERVICE], ['admin']],
  ['read-audit', [SERVICE], ['admin']],
  ['reflect', [SERVICE], ['admin']],
];

describe("the shop's access file", () => {
  it.each(MEANT)('%s %o is for %o and nobody else', (action, resources, may) => {
    const allowed = Object.keys(WHO).filter(
      (who) => decided(who as Who, action, resources).verdict === 'ALLOW',
    );
    expect(allowed).toEqual(Object.keys(WHO).filter((who) => may.includes(who as Who)));
  });

  it('shows of the log to each what is theirs', () => {
    const only = (who: Who) => {
      const decision = decided(who, 'load', [LOG]);
      return decision.verdict === 'ALLOW' ? (decision.only ?? 'all') : 'nothing';
    };
    expect([only('reader'), only('writer'), only('support'), only('warehouse')]).toEqual([
      'all',
      [{ aggregateType: 'Customer' }, { aggregateType: 'Order' }],
      [{ aggregateType: 'Customer', aggregateId: '42' }],
      [{ aggregateType: 'Order', aggregateIdPrefix: 'eu-' }],
    ]);
  });

  it('lets only administrators into other namespaces, and operators see how they are', () => {
    const there = (action: Action) =>
      Object.keys(WHO).filter((who) => decided(who as Who, action, [LOG], 'stock').verdict === 'ALLOW');
    expect([there('load'), there('get-log')]).toEqual([['admin'], ['operator', 'admin']]);
  });

  it('knows its service accounts by their certificates', () => {
    const shown = (alternativeNames: readonly string[], commonName = '') =>
      certificatePrincipal({ alternativeNames, commonName, fingerprint: '' }, file.certificates);
    expect(shown(['URI:spiffe://shop.example/mailer'])).toMatchObject({ id: 'mailer', bindings: WHO.mailer });
    expect(shown([], 'ops-olga')).toMatchObject({ id: 'ops-olga', bindings: WHO.operator });
    expect(shown(['URI:spiffe://shop.example/mailer/2'], 'eve')).toBeUndefined();
  });

  it('makes roles of what the issuer of tokens says', () => {
    const bound = (claims: Readonly<Record<string, unknown>>) => bindingsOfClaims(claims, file.jwt.bindings);
    expect(bound({ realm_access: { roles: ['shop-writer', 'offline_access'] } })).toEqual(WHO.writer);
    expect(bound({ groups: ['shop-operators', 'support-42'] })).toEqual([...WHO.operator, ...WHO.support]);
    // Whoever may name roles at the issuer still makes nobody administrator: those have another scope.
    const [made] = bound({ realm_access: { roles: ['shop-admin'] } });
    expect(made).toEqual({ role: 'admin', scope: 'namespace', resource: 'shop' });
    const plan: Plan = {
      principal: { kind: 'USER', id: 'eve', bindings: made ? [made] : [] },
      namespace: 'shop',
      action: 'append',
      resources: [stream('Order', 'eu-1')],
    };
    expect(decideAccess(file.rules, plan)).toMatchObject({ verdict: 'DENY', because: 'ROLE' });
  });
});
