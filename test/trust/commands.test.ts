import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CrashablePostgres, startCrashablePostgres } from '../support/crashable-postgres.js';
import { report, unchecked } from './checker.js';
import { checkCommands, COMMAND_RULES } from './command-checker.js';
import type { CommandHistory } from './command-history.js';
import { CommandLoad } from './command-load.js';
import { AccountCommands, ACCOUNTS } from './command-maker.js';
import { readCommandOutcome } from './command-outcome.js';
import { CommandServices } from './command-services.js';
import { commandSummary, felt, seconds } from './command-summary.js';
import { WorkerProcess } from './command-worker-process.js';
import type { Fault } from './nemesis.js';
import { chosenSeed, Random } from './random.js';

const COMMANDS = 10_000;
/** With a service that dies, on the accounts of the first round. */
const MORE_COMMANDS = 3000;
const SENDERS = 200;
const STALL_MS = 7000;
/** For which a service may answer nothing: until a worker's time is over, and another's, or until it is there again. */
const SILENCE_MS = 20_000;

let postgres: CrashablePostgres;
let services: CommandServices;
const workers: WorkerProcess[] = [];

beforeAll(async () => {
  postgres = await startCrashablePostgres();
  services = await CommandServices.start(postgres.url);
  const [first = ''] = services.addresses;
  const both = services.addresses;
  workers.push(
    await WorkerProcess.start({ name: 'worker 1', addresses: both, keepsState: true }),
    await WorkerProcess.start({ name: 'worker 2', addresses: both, keepsState: false }),
    await WorkerProcess.start({ name: 'worker 3', addresses: [first], keepsState: true }),
  );
});

afterAll(async () => {
  for (const worker of workers) await worker.kill();
  await services?.close();
  await postgres?.close();
});

test('two services and three workers answer every command once, while workers die and stall and a service dies', {
  timeout: 240_000,
}, async () => {
  const seed = chosenSeed();
  const random = new Random(seed);
  const history: CommandHistory = { calls: [] };
  const maker = new AccountCommands();
  const faults: Fault[] = [];
  const during = async (kind: string, work: () => Promise<unknown>) => {
    const began = performance.now();
    await work();
    faults.push({ kind, began, ended: performance.now() });
  };
  const load = (commands: number) =>
    new CommandLoad({
      random: random.fork(),
      clients: services.clients,
      maker,
      history,
      commands,
      senders: SENDERS,
    });
  const [one, two] = workers;

  const began = performance.now();
  const first = load(COMMANDS);
  const breakWorkers = async () => {
    await first.reached(0.35);
    await during('kill -9 of a worker', async () => one?.kill());
    await first.reached(0.6);
    await during('a worker that stands still', async () => two?.stall(STALL_MS));
  };
  await Promise.all([first.run(), breakWorkers()]);
  const between = performance.now();

  const addresses = services.addresses;
  workers.push(await WorkerProcess.start({ name: 'worker 4', addresses, keepsState: true }));
  const second = load(MORE_COMMANDS);
  const breakService = async () => {
    await second.reached(0.4);
    await during('kill -9 of a service, and its start', () => services.crash(0));
  };
  await Promise.all([second.run(), breakService()]);
  const worked = performance.now();

  const outcome = await readCommandOutcome(postgres.connection, 'headwater', services.clients);
  const findings = checkCommands(history, outcome);
  const feltFaults = faults.map((fault, index) => felt(history, fault, faults[index + 1]?.began ?? worked));
  const told = [
    report(findings, seed),
    commandSummary(history, outcome, feltFaults),
    `${COMMANDS} commands in ${seconds(between - began)}, ${MORE_COMMANDS} in ${seconds(worked - between)}, ` +
      `${seconds(performance.now() - worked)} to read and check`,
  ].join('\n');
  console.log(told);
  if (findings.violations.length > 0) console.log(services.stderr());
  expect(findings.violations, told).toEqual([]);
  expect(unchecked(findings, COMMAND_RULES), told).toEqual([]);
  expect(outcome.accounts.size).toBe(ACCOUNTS);
  expect(new Set(history.calls.map(({ sent }) => sent.commandId)).size).toBe(COMMANDS + MORE_COMMANDS);
  for (const { kind, silence, underWay } of feltFaults) {
    expect(underWay, kind).toBeGreaterThan(0);
    expect(silence, kind).toBeLessThan(SILENCE_MS);
  }
});
