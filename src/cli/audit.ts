import { Command } from 'commander';
import type { AuditEntry } from '../auth/access-admin.js';
import { systemRuntime } from '../system.js';
import { auditEntryToJson, resourceText } from './access-json.js';
import { addAddressOption, type AddressFlags, withService } from './connection-options.js';
import { streamFrom } from './event-json.js';
import { UsageError } from './exit-codes.js';
import { Output } from './output.js';
import { positive } from './selection-options.js';
import { TablePrinter } from './table.js';
import { shortTime, timeFrom } from './time.js';

interface AuditFlags extends AddressFlags {
  readonly principal?: string;
  readonly from?: string;
  readonly to?: string;
  readonly stream?: string;
  readonly refused?: boolean;
  readonly limit?: bigint;
  readonly json?: boolean;
  readonly ndjson?: boolean;
}

const MOST = 100_000n;

/** `headwater audit`: who did what. */
export function auditCommand(): Command {
  return addAddressOption(
    new Command('audit')
      .description('tell who did what, newest first: what the service has decided')
      .option('--principal <id>', 'only of whom')
      .option('--from <time>', 'not before: 2026-01-31T09:30:00Z, or how long ago, as 15m, 2h, 7d')
      .option('--to <time>', 'not after')
      .option('--stream <type/id>', 'only about this one')
      .option('--refused', 'only what was refused')
      .option('--limit <n>', 'at most so many (default 1000, at most 100000)', positive)
      .option('--json', 'print one JSON object a line')
      .option('--ndjson', 'the same as --json'),
  )
    .addHelpText(
      'after',
      `
What is audited is up to the service (headwater serve --audit). Times are UTC. What was the same several times within a second
is one line with a count. Who did not come in at all is told by address.

Examples:
  headwater audit --from 1d
  headwater audit --principal ada --refused
  headwater audit --stream Account/42 --json | jq -r '[.at, .principal, .action] | @tsv'`,
    )
    .action(async (flags: AuditFlags) => {
      const now = systemRuntime.now();
      const from = flags.from === undefined ? undefined : timeFrom(flags.from, now);
      const to = flags.to === undefined ? undefined : timeFrom(flags.to, now);
      const stream = flags.stream === undefined ? undefined : streamFrom(flags.stream);
      if (flags.limit !== undefined && flags.limit > MOST)
        throw new UsageError(`--limit ${flags.limit} is too much: the limit is ${MOST}`);
      await withService(flags, async ({ access }, signal) => {
        const output = new Output();
        const table = new TablePrinter(output, {
          head: ['time', 'who', 'did', 'to', 'in', 'verdict', 'times', 'from', 'because'],
        });
        let told = 0;
        const pages = access.readAudit(
          {
            ...(flags.principal === undefined ? {} : { principal: flags.principal }),
            ...(from === undefined ? {} : { from }),
            ...(to === undefined ? {} : { to }),
            ...(stream === undefined ? {} : { stream }),
            ...(flags.refused ? { refusedOnly: true } : {}),
            ...(flags.limit === undefined ? {} : { limit: Number(flags.limit) }),
          },
          { signal },
        );
        for await (const entries of pages) {
          told += entries.length;
          if (flags.json || flags.ndjson)
            await output.write(entries.map((one) => `${JSON.stringify(auditEntryToJson(one))}\n`).join(''));
          else await table.print(entries.map(rowOf));
          if (output.gone) break;
        }
        if (told === 0 && !flags.json && !flags.ndjson) await output.line('Nothing of it is in the audit');
      });
    });
}

function rowOf(entry: AuditEntry): readonly string[] {
  const { action, at, authenticatedBy, because, count, namespace, peer, principal, resources } = entry;
  const how = authenticatedBy === 'none' ? '' : ` (${authenticatedBy})`;
  return [
    shortTime(at),
    `${principal || 'nobody'}${how}`,
    action,
    resources.map(resourceText).join(', '),
    namespace,
    verdictOf(entry),
    count === 1 ? '' : String(count),
    peer,
    because,
  ];
}

function verdictOf({ allowed, shadow }: AuditEntry): string {
  if (!shadow) return allowed ? 'allowed' : 'refused';
  return allowed ? 'would be narrowed' : 'would be refused';
}
