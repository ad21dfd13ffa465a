import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { InternalError } from './core/errors.js';
import type { LogFields, Logger } from './core/logger.js';
import type { MiddlewareOptions } from './core/middleware-failures.js';
import type { StoreMiddleware } from './core/store-middleware.js';
import { StartError } from './start-error.js';

const FUNCTIONS = ['beforeAppend', 'afterAppend', 'onLoad', 'append', 'load', 'subscribe'] as const;

/**
 * The middleware that a JavaScript module of the operator exports as `middleware`, in its order. Fails with `StartError`
 * if there is no such module or its export is something else.
 *
 * @param file relative to the working folder
 */
export async function loadStoreMiddleware(file: string): Promise<readonly StoreMiddleware[]> {
  const full = path.resolve(file);
  let loaded: { readonly middleware?: unknown };
  try {
    loaded = (await import(pathToFileURL(full).href)) as typeof loaded;
  } catch (error) {
    throw new StartError(
      `The store middleware ${full} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
  const { middleware } = loaded;
  if (!Array.isArray(middleware))
    throw new StartError(`The store middleware ${full} must export an array named middleware`);
  (middleware as unknown[]).forEach((one, index) => {
    const problem = problemOf(one);
    if (problem !== undefined)
      throw new StartError(
        `The store middleware ${full} is not one: middleware[${index}] ${problem}; its name must be text, and ` +
          `${FUNCTIONS.join(', ')} functions, of which it has at least one`,
      );
  });
  return middleware as readonly StoreMiddleware[];
}

function problemOf(one: unknown): string | undefined {
  if (typeof one !== 'object' || one === null) return `is ${one === null ? 'null' : typeof one}`;
  const { name, ...rest } = Object.fromEntries(
    ['name', ...FUNCTIONS].map((key) => [key, (one as Record<string, unknown>)[key]]),
  );
  if (typeof name !== 'string' || name === '') return 'has no name';
  for (const [key, value] of Object.entries(rest))
    if (value !== undefined && typeof value !== 'function') return `has a ${key} that is ${typeof value}`;
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
