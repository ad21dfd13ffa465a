import { afterAll, beforeAll, expect, it } from 'vitest';
import { domain } from '../../examples/bank/domain.js';
import { bankOverTheNetwork } from '../../examples/bank/over-the-network.js';
import { connect } from '../../src/index.js';
import { startService } from '../grpc/service.js';
import { openTestStore, type TestStore } from '../support/test-database.js';

let test: TestStore;
beforeAll(async () => {
  test = await openTestStore();
});
afterAll(() => test.close());

it('the bank over the network decides in order, says why not, and folds', async () => {
  const { address } = await startService(test.store, { domain });
  const lines: string[] = [];
  await bankOverTheNetwork(address, (line) => lines.push(line));
  expect(lines).toEqual([
    'version 2, version 3, version 4',
    'No policy allows FreezeAccount: auditor in branch on branch? it is for other roles',
    'version 4: {"branch":"north","balance":60,"limit":100000,"frozen":false}',
    'version 1, version 4',
  ]);
});

it('the permission model of the bank has its roles and scopes, and who may do what', async () => {
  const { address } = await startService(test.store, { domain });
  const { close, commands } = connect({ address });
  const { permissions, roles, scopes } = await commands.permissionModel();
  close();
  expect([roles, scopes]).toEqual([
    ['auditor', 'clearing', 'teller'],
    ['bank', 'branch'],
  ]);
  const allowed = Object.fromEntries(
    permissions.map(({ commandType, policies }) => [commandType, policies.map(String)]),
  );
  expect(allowed).toEqual({
    ChangeLimit: ['auditor in branch on branch'],
    CreditForTransfer: ['clearing in bank'],
    DebitForTransfer: ['clearing in bank'],
    Deposit: ['teller in branch on branch'],
    FailTransfer: ['clearing in bank'],
    FreezeAccount: ['auditor in branch on branch'],
    OpenAccount: ['teller in branch on branch'],
    RefundTransfer: ['clearing in bank'],
    ReleaseAccount: ['auditor in branch on branch'],
    SettleTransfer: ['clearing in bank'],
    StartTransfer: ['teller in branch on branch'],
    Withdraw: ['teller in branch on branch'],
  });
});

it('an explanation tells a teller of another branch that the resource is another', async () => {
  const { address } = await startService(test.store, { domain });
  const bindings = [{ role: 'teller', scope: 'branch', resource: 'north' }];
  const { close, commands } = connect({ address, principal: { id: 'tina', bindings } });
  const explain = (branch: string) =>
    commands.explain({
      commandType: 'Deposit',
      aggregateId: 'a',
      json: new TextEncoder().encode(JSON.stringify({ branch })),
    });
  const [north, south] = [await explain('north'), await explain('south')];
  close();
  expect([north.allowed, south.allowed]).toEqual([true, false]);
  expect(south.verdicts.map(({ allows, because }) => [allows, because])).toEqual([
    [false, 'the binding is for another resource'],
  ]);
});
