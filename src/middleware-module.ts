import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { InternalError } from './core/errors.js';
import type { LogFields, Logger } from './core/logger.js';
import type { MiddlewareOptions } from './core/middleware-failures.js';
import type { StoreMiddleware } from './core/store-middleware.js';
import { StartError } from './start-error.js';

const FUNCTIONS = ['beforeAppend', 'afterAppend', 'onLoad', 'append', 'load', 'subscribe'] as const;

/** What middleware there is for each namespace. */
export type MiddlewareOf = (namespace: string) => readonly StoreMiddleware[];

/**
 * The middleware that a JavaScript module of the operator exports as `middleware`: an array, or a function that makes one
 * for a namespace. Fails with `StartError` if there is no such module or its export is something else; what a function
 * makes is looked at when it is asked.
 *
 * @param file relative to the working folder
 */
export async function loadStoreMiddleware(file: string): Promise<MiddlewareOf> {
  const full = path.resolve(file);
  let loaded: { readonly middleware?: unknown };
  try {
    loaded = (await import(pathToFileURL(full).href)) as typeof loaded;
  } catch (error) {
    throw new StartError(`The store middleware ${full} cannot be loaded: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return middlewareOf(loaded.middleware, `The export middleware of ${full}`);
}

/** The same for what an application hands in that embeds the service. Throws `StartError`. */
export function middlewareOf(given: unknown, named = 'The store middleware'): MiddlewareOf {
  if (typeof given === 'function') {
    const make = given as (namespace: string) => unknown;
    return (namespace) => {
      let made: unknown;
      try {
        made = make(namespace);
      } catch (error) {
        throw new StartError(`${named} cannot be made for namespace ${namespace}: ${messageOf(error)}`, {
          cause: error,
        });
      }
      return checked(made, `${named}, made for namespace ${namespace},`);
    };
  }
  const middleware = checked(given, named);
  return () => middleware;
}

function checked(given: unknown, named: string): readonly StoreMiddleware[] {
  if (!Array.isArray(given))
    throw new StartError(`${named} must be an array, or a function that makes one for a namespace`);
  (given as unknown[]).forEach((one, index) => {
    const problem = problemOf(one);
    if (problem !== undefined)
      throw new StartError(
        `${named} is no middleware of the store: [${index}] ${problem}; its name must be text, and ` +
          `${FUNCTIONS.join(', ')} functions, of which it has at least one`,
      );
  });
  return given as readonly StoreMiddleware[];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function problemOf(one: unknown): string | undefined {
  if (typeof one !== 'object' || one === null) return `is ${one === null ? 'null' : typeof one}`;
  const { name, ...rest } = Object.fromEntries(
    ['name', ...FUNCTIONS].map((key) => [key, (one as Record<string, unknown>)[key]]),
  );
  if (typeof name !== 'string' || name === '') return 'has no name';
  for (const [key, value] of Object.entries(rest))
    if (value !== undefined && typeof value !== 'function') return `has ${key}, which is ${typeof value}`;
  if (FUNCTIONS.every((key) => rest[key] === undefined)) return `(${name}) does nothing`;
  return undefined;
}

/** Failures of middleware go into the log, without their messages: those may hold what was in an event. */
export function loggedFailures(logger: Logger): MiddlewareOptions {
  return {
    onAfterAppendFailure: (error, middleware) =>
      logger.error('A middleware failed after its append was committed', {
        middleware,
        ...originOf(error),
      }),
    onUnexpected: (error, middleware, outcome) => {
      const errorId = randomUUID();
      logger.error('A middleware failed', { errorId, middleware, outcome, ...originOf(error) });
      return new InternalError(errorId, { cause: error, outcome });
    },
  };
}

function originOf(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: typeof error };
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line));
  return { error: error.name, ...(frames ? { stack: frames.slice(0, 8).join('\n') } : {}) };
}
