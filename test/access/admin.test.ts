import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccessFile } from '../../src/access/access-file.js';
import { AccessLog } from '../../src/access/access-log.js';
import { Admin } from '../../src/access/admin.js';
import { Audit } from '../../src/access/audit.js';
import { patternText } from '../../src/core/stream-text.js';
import { ServiceAccess } from '../../src/access/service-access.js';
import type { AccessRule } from '../../src/auth/access-rule.js';
import { ABOUT_THE_SERVICE, type Action, ACTIONS, type Plan, type Resource } from '../../src/auth/plan.js';
import type { RoleBinding } from '../../src/auth/principal.js';
import { createMemoryEventStore } from '../../src/memory/index.js';
import { systemRuntime } from '../../src/system.js';

const NAMESPACES = ['orders', 'stock', 'access'];
const role = fc.constantFrom('clerk', 'boss', '*');
const scope = fc.constantFrom('namespace', 'system');
const name = fc.constantFrom('orders', 'Order', 'eu-1', 'mail');
const binding: fc.Arbitrary<RoleBinding> = fc.record(
  { role, scope, resource: fc.constantFrom('orders', 'Order', 'eu-1', '*') },
  { requiredKeys: ['role', 'scope'] },
);
const action: fc.Arbitrary<Action> = fc.constantFrom(...ACTIONS);
const pattern = fc.record(
  { aggregateType: fc.constantFrom('Order', 'Item'), aggregateIdPrefix: fc.constantFrom('eu-', 'u') },
  { requiredKeys: [] },
);
const rule: fc.Arbitrary<AccessRule> = fc.record(
  {
    name: fc.uuid(),
    roles: fc.array(role, { minLength: 1, maxLength: 2 }),
    scopes: fc.array(scope, { minLength: 1, maxLength: 2 }),
    actions: fc.array(
      fc.oneof(action, fc.constantFrom('*', 'read', 'write', 'manage-access') as fc.Arbitrary<'*'>),
      {
        minLength: 1,
        maxLength: 3,
      },
    ),
    namespaces: fc.array(fc.constantFrom(...NAMESPACES, '*', 'or*'), { minLength: 1, maxLength: 2 }),
    streams: fc.array(pattern, { minLength: 1, maxLength: 3 }),
    names: fc.array(name, { minLength: 1, maxLength: 2 }),
    bindingResource: fc.constantFrom('NAMESPACE', 'AGGREGATE_TYPE', 'AGGREGATE_ID'),
  },
  { requiredKeys: ['name', 'roles', 'actions'] },
);
const resource: fc.Arbitrary<Resource> = fc.oneof(
  fc.constant<Resource>({ kind: 'LOG' }),
  fc.record({
    kind: fc.constant('STREAM' as const),
    stream: fc.record({
      aggregateType: fc.constantFrom('Order', 'Item'),
      aggregateId: fc.constantFrom('eu-1', 'us-1'),
    }),
  }),
  fc.record({
    kind: fc.constant('AGGREGATE_TYPE' as const),
    aggregateType: fc.constantFrom('Order', 'Item'),
  }),
  fc.record({ kind: fc.constant('CONSUMER_GROUP' as const), group: name }),
  fc.record({ kind: fc.constant('NAMESPACE' as const), name: fc.constantFrom(...NAMESPACES) }),
  fc.constant<Resource>({ kind: 'SERVICE' }),
);

let log: AccessLog;
beforeAll(async () => {
  log = new AccessLog({ store: createMemoryEventStore({ runtime: systemRuntime }), runtime: systemRuntime });
  await log.start();
});
afterAll(() => log.stop());

function adminOf(rules: readonly AccessRule[]) {
  const current: AccessFile = {
    rules,
    principals: {},
    certificates: [],
    jwt: { principal: 'sub', bindings: [] },
  };
  const access = new ServiceAccess({
    file: { current, onChange: () => () => undefined },
    log,
    namespace: 'access',
    runtime: systemRuntime,
  });
  const audit = new Audit({
    store: createMemoryEventStore({ runtime: systemRuntime }),
    runtime: systemRuntime,
    level: 'none',
    shadow: false,
    onRefused: () => undefined,
    onFailure: () => undefined,
    onDropped: () => undefined,
  });
  return { access, admin: new Admin({ access, log, audit, runtime: systemRuntime }) };
}

describe('an explanation', () => {
  it('says of any plan what is decided about it', () => {
    fc.assert(
      fc.property(
        fc.array(rule, { maxLength: 4 }),
        fc.array(binding, { maxLength: 3 }),
        action,
        fc.constantFrom(...NAMESPACES),
        fc.array(resource, { maxLength: 3 }),
        (rules, bindings, wanted, namespace, resources) => {
          const { access, admin } = adminOf(rules);
          const plan: Plan = {
            principal: { kind: 'USER', id: 'ada', bindings },
            namespace,
            action: wanted,
            resources:
              resources.length > 0
                ? resources
                : [{ kind: ABOUT_THE_SERVICE.has(wanted) ? 'SERVICE' : 'LOG' }],
          };
          const asked = { action: wanted, namespace, resources, principal: 'ada', bindings };
          const explained = admin.explain(asked, { ...plan, namespace: 'orders' });
          const decision = access.decide(plan);
          expect(explained.allowed).toBe(decision.verdict === 'ALLOW');
          if (decision.verdict !== 'ALLOW') return;
          expect(explained.rules).toEqual(decision.rules);
          expect(explained.only).toEqual((decision.only ?? []).map(patternText));
        },
      ),
      { numRuns: 2000 },
    );
  });
});
