import { Command } from 'commander';
import type { ApiToken } from '../auth/access-admin.js';
import { addAddressOption, type AddressFlags, withService } from './connection-options.js';
import { durationFrom } from './duration.js';
import { UsageError } from './exit-codes.js';
import { many } from './key-value.js';
import { Output } from './output.js';
import { bindingFrom, bindingText } from './principal-options.js';
import { printList } from './print-list.js';
import { positive } from './selection-options.js';
import { shortTime } from './time.js';
import { tokenToJson } from './access-json.js';
import { tokenFirstCommand } from './token-first.js';

interface TokenFlags extends AddressFlags {
  readonly json?: boolean;
}

/** `headwater token`: what programs show to say who they are. */
export function tokenCommand(): Command {
  return new Command('token')
    .description('make, list and revoke the tokens by which programs say who they are')
    .addCommand(tokenFirstCommand())
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(revokeCommand())
    .addHelpText(
      'after',
      `
A program shows its token as "authorization: Bearer …"; these commands take it from HEADWATER_TOKEN or --token-file. The first
one is made by way of the database, by whoever holds that; see headwater token first --help.

Examples:
  headwater token first root --binding admin@system > root.token
  headwater token create 'nightly export' --as exporter --binding reader@namespace:orders --valid-for 90d --token-file root.token
  headwater token list
  headwater token revoke 3f2a60c9d4e18b7a55`,
    );
}

interface CreateFlags extends TokenFlags {
  readonly binding?: readonly string[];
  readonly as?: string;
  readonly validFor?: string;
}

function createCommand(): Command {
  return addAddressOption(
    new Command('create')
      .description('make a token; it is printed now, and never again')
      .argument('<name>', 'what it is for, for people')
      .option('--as <principal>', 'as whom it calls (default: the name)')
      .option('--binding <role@scope[:resource]>', 'what it is bound to; repeatable', many)
      .option('--valid-for <duration>', 'for how long it is good, as 12h, 30d or 1y (default: for ever)')
      .option('--json', 'print all of it as JSON'),
  )
    .addHelpText(
      'after',
      `
It prints the token alone; what is known about it, headwater token list tells. It has these bindings and no others, whatever
roles its principal is given. Who may not grant roles can make tokens for themselves only, and hand on no more than they are
bound to.

Examples:
  headwater token create 'nightly export' --as exporter --binding reader@namespace:orders --valid-for 90d > exporter.token
  headwater token create exporter --binding reader@namespace:orders --json | jq -r .token_id`,
    )
    .action(async (name: string, flags: CreateFlags) => {
      if (flags.binding === undefined)
        throw new UsageError(
          '--binding says what the token is bound to, as --binding reader@namespace:orders',
        );
      const bindings = flags.binding.map((one) => bindingFrom(one));
      const validForMs =
        flags.validFor === undefined
          ? undefined
          : Number(durationFrom(flags.validFor, '--valid-for') / 1000n);
      await withService(flags, async ({ access }, signal) => {
        const made = await access.createToken(
          {
            name,
            principal: flags.as ?? name,
            bindings,
            ...(validForMs === undefined ? {} : { validForMs }),
          },
          { signal },
        );
        await new Output().line(
          flags.json ? JSON.stringify({ ...tokenToJson(made.token), secret: made.secret }) : made.secret,
        );
      });
    });
}

interface ListFlags extends TokenFlags {
  readonly all?: boolean;
  readonly limit?: bigint;
  readonly ndjson?: boolean;
}

function listCommand(): Command {
  return addAddressOption(
    new Command('list')
      .description('list tokens by when they were made; never what makes them good')
      .option('--all', 'also those that were revoked or have expired')
      .option('--limit <n>', 'at most so many', positive)
      .option('--json', 'print one JSON object a line')
      .option('--ndjson', 'the same as --json'),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  headwater token list\n  headwater token list --all --json | jq -r .token_id',
    )
    .action(async (flags: ListFlags) => {
      await withService(flags, async ({ access }, signal) => {
        await printList<ApiToken>(
          {
            what: 'tokens',
            head: ['token', 'principal', 'name', 'bindings', 'made', 'by', 'state'],
            rowOf: (token) => [
              token.tokenId,
              token.principal,
              token.name,
              token.bindings.map(bindingText).join(', '),
              shortTime(token.createdAt),
              token.createdBy,
              goodUntil(token),
            ],
            jsonOf: tokenToJson,
            page: async (page) => {
              const { nextPageToken, tokens: entries } = await access.listTokens(
                { ...page, ...(flags.all ? { includeEnded: true } : {}) },
                { signal },
              );
              return { entries, nextPageToken };
            },
          },
          flags,
        );
      });
    });
}

function revokeCommand(): Command {
  return addAddressOption(
    new Command('revoke')
      .description('make a token no good; calls under way with it end')
      .argument('<token id>', 'which one, as headwater token list tells')
      .option('--json', 'print as JSON'),
  )
    .addHelpText(
      'after',
      `
Who has the token itself finds its id between the first and the second _ of it.

Examples:
  headwater token revoke 3f2a60c9d4e18b7a55`,
    )
    .action(async (tokenId: string, flags: TokenFlags) => {
      if (tokenId.startsWith('hw_'))
        throw new UsageError(
          'That is a token itself; its id is what stands between the first and the second _ of it',
        );
      await withService(flags, async ({ access }, signal) => {
        const token = await access.revokeToken(tokenId, { signal });
        await new Output().line(flags.json ? JSON.stringify(tokenToJson(token)) : describe(token));
      });
    });
}

function describe(token: ApiToken): string {
  const bindings = token.bindings.map(bindingText).join(', ');
  return `Token ${token.tokenId} of ${token.principal} with ${bindings}: ${goodUntil(token)}`;
}

function goodUntil({ expiresAt, revokedAt }: ApiToken): string {
  if (revokedAt !== undefined) return `revoked ${shortTime(revokedAt)}`;
  return expiresAt === undefined ? 'good for ever' : `good until ${shortTime(expiresAt)}`;
}
