import { type Command, InvalidArgumentError } from 'commander';
import type { GroupSettings } from '../core/consumer-groups.js';
import type { EventSelection } from '../core/selection.js';
import type { SubscribeStart } from '../core/subscribe.js';
import { systemRuntime } from '../system.js';
import { addConnectionOptions, type ConnectionFlags } from './connection-options.js';
import { durationFrom } from './duration.js';
import { UsageError } from './exit-codes.js';
import { logPositionFrom } from './position.js';
import { filtersFrom, scopeFrom, type SelectionFlags } from './selection-options.js';
import { timeFrom } from './time.js';

export interface GroupFlags extends ConnectionFlags {
  readonly json?: boolean;
}

/** A command about one group. */
export function addGroupOptions(command: Command): Command {
  return addConnectionOptions(command.argument('<name>', 'the name of the group')).option(
    '--json',
    'print as JSON',
  );
}

export interface StartFlags {
  readonly fromStart?: boolean;
  readonly fromEnd?: boolean;
  readonly after?: string;
  readonly since?: string;
}

export function addStartOptions(command: Command): Command {
  return command
    .option('--from-start', 'begin at the first event')
    .option('--from-end', 'begin behind the last event that there is now')
    .option('--after <position[@epoch]>', 'begin behind this position')
    .option('--since <time>', 'begin at this time (ISO 8601, or 15m, 2h, 7d ago)');
}

/** `undefined` if nothing was said. Throws `UsageError`. */
export function groupStartFrom(flags: StartFlags): SubscribeStart | undefined {
  const given = [flags.fromStart, flags.fromEnd, flags.after, flags.since].filter((one) => one !== undefined);
  if (given.length > 1)
    throw new UsageError('Of --from-start, --from-end, --after and --since only one can stand');
  if (flags.fromStart) return { kind: 'BEGINNING' };
  if (flags.fromEnd) return { kind: 'END' };
  if (flags.since !== undefined) return { kind: 'TIME', time: timeFrom(flags.since, systemRuntime.now()) };
  return flags.after === undefined
    ? undefined
    : { kind: 'AFTER', after: logPositionFrom(flags.after, '--after') };
}

export interface SettingsFlags {
  readonly ackTimeout?: string;
  readonly maxAttempts?: number;
  readonly retryDelay?: string;
  readonly maxRetryDelay?: string;
}

export function addSettingsOptions(command: Command): Command {
  return command
    .option('--ack-timeout <duration>', 'how long a member may keep an event (default 60s; 1s to 1h)')
    .option('--max-attempts <n>', 'tries before an event is parked (default 10; up to 1000)', number)
    .option('--retry-delay <duration>', 'before the second try, then doubled (default 200ms; up to 1h)')
    .option('--max-retry-delay <duration>', 'the longest of these delays (default 1m; up to 24h)');
}

/** `undefined` if nothing was said. Throws `UsageError`. */
export function settingsFrom(flags: SettingsFlags): Partial<GroupSettings> | undefined {
  const { ackTimeout, maxAttempts, retryDelay, maxRetryDelay } = flags;
  const settings: Partial<GroupSettings> = {
    ...(ackTimeout !== undefined && { ackTimeoutMs: milliseconds(ackTimeout, '--ack-timeout') }),
    ...(maxAttempts !== undefined && { maxAttempts }),
    ...(retryDelay !== undefined && { retryDelayMs: milliseconds(retryDelay, '--retry-delay') }),
    ...(maxRetryDelay !== undefined && { maxRetryDelayMs: milliseconds(maxRetryDelay, '--max-retry-delay') }),
  };
  return Object.keys(settings).length === 0 ? undefined : settings;
}

/** `undefined` if nothing was said. Throws `UsageError`. */
export function selectionFrom(flags: SelectionFlags): EventSelection | undefined {
  const scope = scopeFrom(flags);
  const filters = filtersFrom(flags, systemRuntime);
  if (scope === undefined && filters.length === 0) return undefined;
  return { ...(scope && { scope }), ...(filters.length > 0 && { filters }) };
}

/** For commander: a small whole number. */
export function number(value: string): number {
  if (!/^\d{1,6}$/.test(value)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(value);
}

function milliseconds(value: string, flag: string): number {
  const [, count] = /^(\d{1,9})ms$/.exec(value) ?? [];
  return count === undefined ? Number(durationFrom(value, flag) / 1000n) : Number(count);
}
