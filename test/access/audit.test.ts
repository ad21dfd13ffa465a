import { describe, expect, it } from 'vitest';
import { Audit, type AuditOptions } from '../../src/access/audit.js';
import { AUDIT_STREAMS, auditEntryOf } from '../../src/access/audit-events.js';
import type { AuditEntry } from '../../src/auth/access-admin.js';
import type { AccessDecision } from '../../src/auth/access-decision.js';
import type { Plan } from '../../src/auth/plan.js';
import { StoreUnavailableError } from '../../src/core/errors.js';
import type { EventStore } from '../../src/core/event-store.js';
import { eventsOf } from '../../src/core/load.js';
import { createMemoryEventStore } from '../../src/memory/index.js';
import { systemRuntime } from '../../src/system.js';

const ALLOWED: AccessDecision = { verdict: 'ALLOW', rules: ['writers'] };
const REFUSED: AccessDecision = { verdict: 'DENY', because: 'ROLE', resource: undefined };
const plan = (parts: Partial<Plan> = {}): Plan => ({
  principal: { kind: 'USER', id: 'ada', bindings: [] },
  namespace: 'orders',
  action: 'append',
  resources: [{ kind: 'STREAM', stream: { aggregateType: 'Order', aggregateId: '1' } }],
  peer: '10.0.0.1:4711',
  ...parts,
});

/** An audit on a store that may be away, and what it told. */
function audited(options: Partial<AuditOptions> = {}) {
  const memory = createMemoryEventStore({ runtime: systemRuntime });
  const away = { until: Promise.resolve(), refuses: false };
  const tellings = { refused: [] as AuditEntry[], failures: 0, dropped: 0 };
  const store: Pick<EventStore, 'append' | 'load'> = {
    append: (async (request: Parameters<EventStore['append']>[0]) => {
      await away.until;
      if (away.refuses) {
        // As a commit whose answer is lost.
        await memory.append(request);
        throw new StoreUnavailableError('away', { outcome: 'UNKNOWN' });
      }
      return memory.append(request);
    }) as EventStore['append'],
    load: memory.load.bind(memory),
  };
  const audit = new Audit({
    store,
    runtime: { ...systemRuntime, sleep: (ms, signal) => systemRuntime.sleep(Math.min(ms, 50), signal) },
    level: 'changes',
    shadow: false,
    onRefused: (entry) => tellings.refused.push(entry),
    onFailure: () => {
      tellings.failures += 1;
    },
    onDropped: (entries) => {
      tellings.dropped += entries;
    },
    ...options,
  });
  const entries = async () => {
    const found: AuditEntry[] = [];
    const scope = { kind: 'AGGREGATE_TYPES', aggregateTypes: [AUDIT_STREAMS] } as const;
    for await (const event of eventsOf(memory.load({ scope }))) found.push(auditEntryOf(event));
    return found;
  };
  return { audit, away, entries, tellings };
}

describe('what is audited', () => {
  it.each([
    ['none', 'append', ALLOWED, 0],
    ['none', 'append', REFUSED, 0],
    ['changes', 'append', ALLOWED, 0],
    ['changes', 'load', ALLOWED, 0],
    ['changes', 'append', REFUSED, 1],
    ['changes', 'delete-stream', ALLOWED, 1],
    ['changes', 'grant-role', ALLOWED, 1],
    ['changes', 'read-audit', ALLOWED, 1],
    ['all', 'load', ALLOWED, 1],
    ['all', 'append', REFUSED, 1],
  ] as const)('at level %s: %s', async (level, action, decision, entries) => {
    const service = audited({ level });
    service.audit.decided(plan({ action }), decision);
    await service.audit.stop();
    expect(await service.entries()).toHaveLength(entries);
    expect(service.tellings.refused).toHaveLength(decision === REFUSED ? 1 : 0);
  });

  it('is one entry with a count where it is the same, whatever the port', async () => {
    const { audit, entries } = audited();
    for (let port = 1; port <= 7; port += 1) audit.decided(plan({ peer: `10.0.0.1:${port}` }), REFUSED);
    audit.decided(plan({ peer: '10.0.0.2:1' }), REFUSED);
    await audit.stop();
    expect((await entries()).map(({ count, peer }) => [peer, count])).toEqual([
      ['10.0.0.1', 7],
      ['10.0.0.2', 1],
    ]);
  });

  it('has strangers by address, of which a hundred are told apart', async () => {
    const { audit, entries } = audited();
    for (let host = 0; host < 150; host += 1)
      audit.notAuthenticated('The token was revoked', `10.0.1.${host}:1`);
    await audit.stop();
    const found = await entries();
    expect(found).toHaveLength(101);
    expect(found.find(({ peer }) => peer === '')).toMatchObject({ action: 'authenticate', count: 50 });
  });
});

describe('while the store is away', () => {
  it('an append without an answer is sent again as it was, and is there once', async () => {
    const { audit, away, entries, tellings } = audited();
    audit.start();
    away.refuses = true;
    audit.decided(plan(), REFUSED);
    await expect.poll(() => tellings.failures).toBeGreaterThan(1);
    audit.decided(plan({ action: 'erase-stream' }), REFUSED);
    away.refuses = false;
    await audit.stop();
    expect((await entries()).map(({ action }) => action)).toEqual(['append', 'erase-stream']);
    expect(tellings.dropped).toBe(0);
  });

  it('what waits is bounded, and what there was no room for is told', async () => {
    const { audit, away, entries, tellings } = audited();
    away.refuses = true;
    for (let number = 0; number < 25_000; number += 1)
      audit.decided(plan({ principal: { kind: 'USER', id: `u${number}`, bindings: [] } }), REFUSED);
    audit.start();
    await expect.poll(() => tellings.dropped).toBe(15_000);
    away.refuses = false;
    await audit.stop();
    expect(await entries()).toHaveLength(10_000);
  });

  it('a service that ends does not wait for it for ever, and tells what is lost', async () => {
    const { audit, away, tellings } = audited();
    away.until = new Promise(() => undefined);
    audit.decided(plan(), REFUSED);
    await audit.stop();
    expect(tellings.dropped).toBe(1);
  });
});
