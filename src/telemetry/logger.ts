import { pino } from 'pino';
import type { LogFields, Logger } from '../core/logger.js';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** JSON lines on standard error. */
export function createLogger(level: LogLevel): Logger {
  const log = pino(
    { level, base: { service: 'headwater', pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 2, sync: true }),
  );
  const write = (method: 'debug' | 'info' | 'warn' | 'error') => (message: string, fields?: LogFields) => {
    log[method](fields === undefined ? {} : plain(fields), message);
  };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

/** Bigints have no JSON. */
function plain(fields: LogFields): Record<string, string | number | boolean | undefined> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, typeof value === 'bigint' ? String(value) : value]),
  );
}

/**
 * What may be said of an error: its class, and its message if it is known to hold no values of rows. Drivers' errors
 * carry a SQLSTATE, and details that do; only the former is kept.
 */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: typeof error };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const fromDatabase = 'severity' in error;
  // What cannot be parsed is quoted in the engine's own message.
  const message = error instanceof SyntaxError ? undefined : error.message;
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line));
  return {
    error: error.name,
    ...(code === undefined ? {} : { code }),
    ...(fromDatabase ? { routine: 'routine' in error ? String(error.routine) : undefined } : { message }),
    ...(fromDatabase || frames === undefined ? {} : { stack: frames.slice(0, 5).join('\n') }),
  };
}
