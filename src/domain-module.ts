import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Aggregate } from './commands/aggregate.js';
import { CommandRegistry } from './commands/command-registry.js';
import { StartError } from './start-error.js';

/**
 * The domain that a module of the operator exports as `domain`: an array of aggregates, as `defineAggregate` and
 * `defineAggregateClass` make them, or a `CommandRegistry`. JavaScript, or TypeScript where Node can strip its types or
 * `tsx` is installed. Fails with `StartError`, which says what to do.
 *
 * @param file relative to the working folder
 */
export async function loadDomain(file: string): Promise<CommandRegistry> {
  const full = path.resolve(file);
  let loaded: { readonly domain?: unknown };
  try {
    loaded = (await importModule(full)) as typeof loaded;
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(`The domain ${full} cannot be loaded: ${messageOf(error)}`, { cause: error });
  }
  return domainOf(loaded.domain, `The export domain of ${full}`);
}

/** The same for what an application hands in that embeds the service. Throws `StartError`. */
export function domainOf(given: unknown, named = 'The domain'): CommandRegistry {
  try {
    const registry = isRegistry(given) ? given : registryOf(given, named);
    // What is registered without a handler is told now and not by the first command.
    registry.checked();
    return registry;
  } catch (error) {
    // Twice registered, or without a handler: the message names the type.
    if (error instanceof TypeError) throw new StartError(`${named}: ${error.message}`, { cause: error });
    throw error;
  }
}

function registryOf(given: unknown, named: string): CommandRegistry {
  if (!Array.isArray(given))
    throw new StartError(`${named} must be an array of aggregates, or a CommandRegistry`);
  const registry = new CommandRegistry();
  (given as unknown[]).forEach((one, index) => {
    if (!isAggregate(one))
      throw new StartError(
        `${named} must hold aggregates, as defineAggregate and defineAggregateClass make them; [${index}] is none`,
      );
    registry.register(one);
  });
  return registry;
}

/** By what it can do, since the module may have another copy of this library. */
function isRegistry(given: unknown): given is CommandRegistry {
  return hasFunctions(given, ['register', 'list', 'checked', 'middlewareFor']) && 'aggregates' in given;
}

function isAggregate(given: unknown): given is Aggregate {
  return hasFunctions(given, ['initial', 'fold', 'run']) && 'type' in given && 'commands' in given;
}

function hasFunctions(given: unknown, names: readonly string[]): given is object {
  return (
    typeof given === 'object' &&
    given !== null &&
    names.every((name) => typeof (given as Record<string, unknown>)[name] === 'function')
  );
}

async function importModule(full: string): Promise<unknown> {
  const url = pathToFileURL(full).href;
  if (!/\.[mc]?ts$/.test(full)) return import(url);
  const strips = Boolean((process.features as { readonly typescript?: unknown }).typescript);
  const tsx = resolvedTsx(full);
  if (tsx === undefined && !strips)
    throw new StartError(
      `The domain ${full} is TypeScript, which Node ${process.versions.node} does not run: compile it to JavaScript, ` +
        'install tsx beside it (npm install --save-dev tsx), or use Node 22.18 or newer',
    );
  // It also knows enums, and imports of .js that mean .ts; for good, since a domain may import when it is first used.
  if (tsx !== undefined)
    ((await import(pathToFileURL(tsx).href)) as { readonly register: () => unknown }).register();
  return import(url);
}

/** Where tsx is installed, seen from the working folder or the module. */
function resolvedTsx(full: string): string | undefined {
  for (const from of [path.resolve('package.json'), full])
    try {
      return createRequire(from).resolve('tsx/esm/api');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
    }
  return undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
