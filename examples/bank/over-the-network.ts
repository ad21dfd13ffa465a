// The bank in a service that was started with its domain: this program wishes, asks why not, and looks.
import { commandOf, connect, type Executed, PolicyDeniedError } from '../../src/index.js';
import { account } from './account.js';

export async function bankOverTheNetwork(address: string, print: (line: string) => void): Promise<void> {
  const bindings = [{ role: 'teller', scope: 'branch', resource: 'north' }];
  const { aggregates, close, commands } = connect({ address, principal: { id: 'tina', bindings } });
  const opened: Executed[] = [];
  for (const owner of ['ada', 'bob'])
    opened.push(await commands.execute(commandOf(account, 'OpenAccount', { branch: 'north', owner })));
  const aggregateId = opened[0]?.aggregate.aggregateId ?? '';

  // Many at a time share one call; those of one aggregate are decided in the order in which they were sent.
  const deposits = [10, 20, 30].map((amount) =>
    commands.execute(commandOf(account, 'Deposit', { branch: 'north', amount }, { aggregateId })),
  );
  print((await Promise.all(deposits)).map(({ version }) => `version ${version}`).join(', '));

  // Refused by policy. Why?
  const frozen = commandOf(
    account,
    'FreezeAccount',
    { branch: 'north', because: 'why not' },
    { aggregateId },
  );
  try {
    await commands.execute(frozen);
  } catch (error) {
    if (!(error instanceof PolicyDeniedError)) throw error;
    const { verdicts } = await commands.explain({ commandType: 'FreezeAccount', aggregateId });
    print(`${error.message}: ${verdicts.map(({ policy, because }) => `${policy}? ${because}`).join('; ')}`);
  }

  // The state is folded in the service.
  const aggregate = { aggregateType: 'Account', aggregateId };
  for await (const { info, state } of aggregates.get({ aggregate }))
    print(`version ${info?.version}: ${Buffer.from(state ?? []).toString()}`);
  const list = await aggregates.list({ aggregateType: 'Account' });
  print(
    list.aggregates
      .map(({ version }) => `version ${version}`)
      .toSorted()
      .join(', '),
  );
  close();
}
