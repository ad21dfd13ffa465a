import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { type AccessRule, ACTION_GROUPS } from '../auth/access-rule.js';
import type { Action } from '../auth/plan.js';
import { ACTIONS } from '../auth/plan.js';
import type { RoleBinding } from '../auth/principal.js';
import { nameProblem, typeNameProblem } from '../core/validate.js';
import type { ClaimMapping } from './claims.js';

/** Whose certificate it is. */
export interface CertificateMapping {
  /** `CN=…`, `DNS:…` or `URI:…` as they stand in the certificate (a `*` at the end: whatever begins so), or `SHA256:` and its fingerprint in hex. */
  readonly match: string;
  /** As whom it calls; `$value` is what was matched, without what stands before it. @default "$value" */
  readonly principal?: string;
  readonly bindings?: readonly RoleBinding[];
}

/** What the file of `--access-file` says: who may what. */
export interface AccessFile {
  readonly rules: readonly AccessRule[];
  /** Roles that principals have beside those that they are given over time. */
  readonly principals: Readonly<Record<string, readonly RoleBinding[]>>;
  readonly certificates: readonly CertificateMapping[];
  readonly jwt: { readonly principal: string; readonly bindings: readonly ClaimMapping[] };
}

/** The file cannot be read or understood; the message says what and where. */
export class AccessFileError extends Error {
  override readonly name = 'AccessFileError';
}

const checked = (problem: (value: string) => string | undefined) =>
  z.string('must be text').superRefine((value, context) => {
    const found = problem(value);
    if (found !== undefined) context.addIssue({ code: 'custom', message: found });
  });
const name = checked(nameProblem);
const names = z.array(name).max(1000);
const typeName = checked(typeNameProblem);

const binding = z.strictObject({ role: name, scope: name, resource: name.optional() });

const actions = new Set<string>([...ACTIONS, ...Object.keys(ACTION_GROUPS), '*']);
const action = z
  .string('must be text')
  .refine((value): value is Action | keyof typeof ACTION_GROUPS | '*' => actions.has(value), {
    error: ({ input }) => `is ${JSON.stringify(input)}, which is no action and no group of actions`,
  });

/** `Account/42`, `Account/eu-*`, `Account/*`, `*` + `/42`. */
const pattern = z
  .strictObject({
    aggregateType: typeName.optional(),
    aggregateId: name.optional(),
    aggregateIdPrefix: name.optional(),
  })
  .refine(
    ({ aggregateId, aggregateIdPrefix }) => aggregateId === undefined || aggregateIdPrefix === undefined,
    {
      error: 'has aggregateId and aggregateIdPrefix; it may have one of them',
    },
  );

const rule = z.strictObject({
  name,
  roles: names.min(1, 'must name at least one role, or "*"'),
  scopes: names.min(1, 'must name at least one scope, or be left out for any').optional(),
  actions: z.array(action).min(1, 'must name at least one action, or "*"').max(1000),
  namespaces: names.min(1, 'must name at least one namespace, or be left out for any').optional(),
  streams: z
    .array(pattern)
    .min(1, 'must name at least one pattern, or be left out for all')
    .max(100)
    .optional(),
  names: names.min(1, 'must name at least one, or be left out for all').optional(),
  bindingResource: z.enum(['NAMESPACE', 'AGGREGATE_TYPE', 'AGGREGATE_ID']).optional(),
});

const file = z.strictObject({
  rules: z.array(rule).max(1000),
  principals: z.record(name, z.array(binding).max(1000)).default({}),
  certificates: z
    .array(
      z.strictObject({
        match: z
          .string('must be text')
          .regex(
            /^(CN=.+|DNS:.+|URI:.+|SHA256:[0-9a-f]{64})$/,
            'must begin with CN=, DNS:, URI:, or SHA256: and 64 hex digits',
          ),
        principal: name.optional(),
        bindings: z.array(binding).max(100).optional(),
      }),
    )
    .max(1000)
    .default([]),
  jwt: z
    .strictObject({
      principal: name.default('sub'),
      bindings: z
        .array(
          z.strictObject({
            claim: name,
            value: name.optional(),
            role: name,
            scope: name,
            resource: name.optional(),
          }),
        )
        .max(1000)
        .default([]),
    })
    .default({ principal: 'sub', bindings: [] }),
});

/** What a text of the file says. Throws {@link AccessFileError}. */
export function parseAccessFile(text: string): AccessFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new AccessFileError(`is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const parsed = file.safeParse(json);
  if (!parsed.success) throw new AccessFileError(z.prettifyError(parsed.error));
  const seen = new Set<string>();
  for (const { name: one } of parsed.data.rules) {
    if (seen.has(one)) throw new AccessFileError(`has two rules named ${JSON.stringify(one)}`);
    seen.add(one);
  }
  // Keys that are there and undefined would count as set.
  return JSON.parse(JSON.stringify(parsed.data)) as AccessFile;
}

/** Reads the file. Fails with {@link AccessFileError}, whose message names it. */
export async function readAccessFile(path: string): Promise<AccessFile> {
  try {
    return parseAccessFile(await readFile(path, 'utf8'));
  } catch (error) {
    throw new AccessFileError(`The access file ${path} ${(error as Error).message}`, { cause: error });
  }
}
