import type { DescService, JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as access from '../../gen/headwater/v1/access_service_pb.js';
import * as aggregates from '../../gen/headwater/v1/aggregate_service_pb.js';
import * as commands from '../../gen/headwater/v1/command_service_pb.js';
import * as groups from '../../gen/headwater/v1/consumer_group_service_pb.js';
import * as events from '../../gen/headwater/v1/event_store_service_pb.js';
import * as info from '../../gen/headwater/v1/info_service_pb.js';
import * as namespaces from '../../gen/headwater/v1/namespace_service_pb.js';
import * as projections from '../../gen/headwater/v1/projection_service_pb.js';
import { isStranger, PRINCIPALS, verdictOf } from './matrix/oracle.js';
import type { PrincipalName } from './matrix/principals.js';
import { GROUPS, type Row, ROWS } from './matrix/rows.js';
import { type Answer, metadataOf, methodsOf, send, sendBytes } from './matrix/send.js';
import { inTurns } from './matrix/turns.js';
import { openWorld, type World } from './matrix/world.js';

const FILES = [access, aggregates, commands, groups, events, info, namespaces, projections];
const METHODS = methodsOf(FILES.flatMap((file) => Object.values<unknown>(file).filter(isService)));
/** These have no descriptors here; the request asks for the list of services. */
const REFLECTION = new Map([
  ['ServerReflection/v1', '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'],
  ['ServerReflection/v1alpha', '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo'],
]);
const LIST_SERVICES = Buffer.from([0x3a, 0]);
const AT_ONCE = 48;

function isService(one: unknown): one is DescService {
  return typeof one === 'object' && one !== null && 'kind' in one && one.kind === 'service';
}

interface Cell extends Row {
  readonly rpc: string;
  readonly principal: PrincipalName;
}

let world: World;
beforeAll(async () => {
  world = await openWorld();
  const create = METHODS.get('ConsumerGroupService/CreateGroup');
  for (const { name, selection } of GROUPS)
    if (create) await send(world.raw, create, { name, selection }, metadataFor('admin', 'main'));
}, 60_000);
afterAll(() => world.close());

function metadataFor(principal: PrincipalName, where: Row['where']) {
  return metadataOf(world.authorization(principal), world.namespaces[where]);
}

/** Names of namespaces are made up for each run. */
function named(request: JsonObject): JsonObject {
  const wanted = request['name'];
  const name = /^@(\w+)$/.exec(typeof wanted === 'string' ? wanted : '')?.[1] as Row['where'] | undefined;
  return name === undefined ? request : { ...request, name: world.namespaces[name] };
}

async function answerTo({ principal, request, rpc, where }: Cell): Promise<Answer> {
  const metadata = metadataFor(principal, where);
  const path = REFLECTION.get(rpc);
  if (path !== undefined) return sendBytes(world.raw, path, LIST_SERVICES, metadata, { until: () => true });
  const method = METHODS.get(rpc);
  if (method === undefined) throw new Error(`There is no RPC ${rpc}`);
  return send(world.raw, method, named(request), metadata);
}

const NOBODY_DECIDES = /^Nobody decides commands/;

/** What a status says of the verdict. A call that is let in may fail for any other reason. */
function seen({ code, message }: Answer): string {
  if (NOBODY_DECIDES.test(message)) return 'LET IN';
  if (code === 16) return 'UNAUTHENTICATED';
  if (code === 7) return 'DENIED';
  // Unknown, deadline, unimplemented, internal, data loss: nothing that a call may end with here.
  return [2, 4, 12, 13, 15].includes(code) ? `failed with code ${code}` : 'LET IN';
}

/** All cells; or of each row some principals, in turns, so that each meets every RPC and every relation. */
function cellsOf(every: boolean): readonly Cell[] {
  let rowNumber = 0;
  return Object.entries(ROWS).flatMap(([rpc, rows]) =>
    rows.flatMap((row) => {
      rowNumber += 1;
      return PRINCIPALS.flatMap((principal, number): readonly Cell[] => {
        const oneOf = isStranger(principal) ? 6 : row.shape === 'single' ? 2 : 4;
        return every || (rowNumber + number) % oneOf === 0 ? [{ ...row, rpc, principal }] : [];
      });
    }),
  );
}

/** A malformed request: as what it is, and by the policy only where the like would be, too. */
function isRefused({ code, message }: Answer, { principal }: Cell): boolean {
  return code === 3 || (code === 7 && principal !== 'admin') || NOBODY_DECIDES.test(message);
}

describe('the authorization matrix', () => {
  it('has rows for every RPC that there is, and for no other', () => {
    expect(Object.keys(ROWS).sort()).toEqual([...METHODS.keys(), ...REFLECTION.keys()].sort());
    expect(Object.entries(ROWS).filter(([, rows]) => rows.length < 4)).toEqual([]);
  });

  it('agrees with the oracle in every cell, and refusals of an RPC are the same to the byte', async () => {
    const cells = cellsOf(process.env['HEADWATER_TEST_EVERY_CELL'] !== undefined);
    const counts: Record<string, number> = {};
    const wrong: string[] = [];
    const refusals = new Map<string, Set<string>>();
    const began = performance.now();
    await inTurns(cells, AT_ONCE, async (cell) => {
      const expected = verdictOf(cell);
      const answer = await answerTo(cell);
      counts[expected] = (counts[expected] ?? 0) + 1;
      const verdict = seen(answer);
      const right =
        expected === 'REFUSED'
          ? isRefused(answer, cell)
          : verdict === (expected === 'ALLOWED' || expected === 'NARROWED' ? 'LET IN' : expected);
      if (!right)
        wrong.push(
          `${cell.rpc} by ${cell.principal}, ${cell.relation}, ${cell.shape}: ${expected}, but ${answer.code} ${answer.message}`,
        );
      if (verdict !== 'DENIED') return;
      const same = refusals.get(cell.rpc) ?? new Set();
      refusals.set(cell.rpc, same.add(JSON.stringify([answer.code, answer.message, answer.details])));
    });
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(`authorization matrix: ${cells.length} cells, ${JSON.stringify(counts)}, in ${seconds} s`);
    expect(wrong).toEqual([]);
    expect([...refusals].filter(([, texts]) => texts.size !== 1)).toEqual([]);
    expect(PRINCIPALS.length).toBeGreaterThanOrEqual(16);
    expect(cells.length).toBeGreaterThan(4000);
  }, 600_000);
});
