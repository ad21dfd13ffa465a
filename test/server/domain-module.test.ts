import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CommandRegistry } from '../../src/commands/command-registry.js';
import { defineAggregate } from '../../src/commands/define-aggregate.js';
import { eventTypes } from '../../src/core/event-types.js';
import { json } from '../../src/core/json-codec.js';
import { domainOf, loadDomain } from '../../src/domain-module.js';
import { StartError } from '../../src/start-error.js';

const events = eventTypes().register('Counted', { codec: json<object>() });
const aggregate = (type: string, commandType: string) =>
  defineAggregate({
    type,
    events,
    initialState: {},
    evolve: (state) => state,
    commands: { [commandType]: { data: json<object>(), decide: () => [] } },
  });
const library = pathToFileURL(path.resolve(import.meta.dirname, '../../src/index.ts')).href;

async function moduleOf(text: string, name = 'domain.mjs'): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'headwater-domain-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = path.join(folder, name);
  await writeFile(file, text);
  return file;
}

const refusal = async (text: string, name?: string) => {
  const file = await moduleOf(text, name);
  const error = await loadDomain(file).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(StartError);
  return (error as StartError).message.replace(path.dirname(file), '…');
};

describe('a domain module', () => {
  it('exports aggregates, or a registry of them', async () => {
    const file = await moduleOf(`
      import { defineAggregate, eventTypes, json, CommandRegistry } from ${JSON.stringify(library)};
      const events = eventTypes().register('Counted', { codec: json() });
      const counter = defineAggregate({
        type: 'Counter', events, initialState: 0, evolve: (n) => n + 1,
        commands: { Count: { data: json(), decide: () => [events.encode('Counted', {})] } },
      });
      export const domain = [counter];
    `);
    expect((await loadDomain(file)).list()).toMatchObject([
      { commandType: 'Count', aggregateType: 'Counter' },
    ]);
    const registry = new CommandRegistry().register(aggregate('A', 'DoA'));
    expect(domainOf(registry)).toBe(registry);
  });

  it.each([
    ['nothing', '', 'The export domain of …/domain.mjs must be an array of aggregates, or a CommandRegistry'],
    [
      'something else',
      'export const domain = [{}]',
      'The export domain of …/domain.mjs must hold aggregates, as defineAggregate and defineAggregateClass make them; [0] is none',
    ],
  ])('that exports %s is refused in one sentence', async (_, text, message) => {
    expect(await refusal(text)).toBe(message);
  });

  it('that cannot be loaded is named with why', async () => {
    expect(await refusal('throw new Error("not today")')).toBe(
      'The domain …/domain.mjs cannot be loaded: not today',
    );
    await expect(loadDomain('/nowhere/domain.mjs')).rejects.toThrow(
      /^The domain \/nowhere\/domain\.mjs cannot be loaded/,
    );
  });

  it('in TypeScript that Node cannot run is refused with the ways out', async () => {
    if ((process.features as { typescript?: unknown }).typescript) return;
    const message = await refusal('export const domain: unknown[] = []', 'domain.ts');
    expect(message).toContain('is TypeScript, which Node');
    expect(message).toContain('install tsx');
  });

  it('with a type twice, or a command without handler, is refused with its name', () => {
    const twice = [aggregate('A', 'DoA'), aggregate('B', 'DoA')];
    expect(() => domainOf(twice)).toThrow('The domain: Command type "DoA" is registered twice, for A');
    const one = aggregate('A', 'DoA');
    const registry = new CommandRegistry()
      .register(one)
      .registerCommand(one, 'DoB', { data: json<object>() });
    expect(() => domainOf(registry)).toThrow('The domain: Command type "DoB" has no handler');
  });
});
