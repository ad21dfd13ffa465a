import { Command } from 'commander';
import type { AccessFile } from '../access/access-file.js';
import { UsageError } from './exit-codes.js';
import { Output } from './output.js';

export function checkFileCommand(): Command {
  return new Command('check-file')
    .description('check an access file without a service, and tell what is wrong and where')
    .argument('<file>', 'the file of --access-file')
    .option('--json', 'print as JSON')
    .addHelpText(
      'after',
      `
It ends with 2 for a file that a service would refuse. A role that no rule is for is told, and is no mistake by itself.

Examples:
  headwater access check-file access.json
  headwater access check-file access.json && cp access.json /etc/headwater/`,
    )
    .action(async (path: string, flags: { readonly json?: boolean }) => {
      const { AccessFileError, readAccessFile } = await import('../access/access-file.js');
      const file = await readAccessFile(path).catch((error: unknown) => {
        if (!(error instanceof AccessFileError)) throw error;
        throw new UsageError(error.message, { cause: error });
      });
      const idle = idleRoles(file);
      const count = (many: number, one: string) => `${many} ${one}${many === 1 ? '' : 's'}`;
      const output = new Output();
      if (flags.json) return output.line(JSON.stringify({ ...countsOf(file), idle_roles: idle }));
      const { certificates, principals, rules } = countsOf(file);
      await output.line(
        `${path} is good: ${count(rules, 'rule')}, ${count(principals, 'principal')}, ${count(certificates, 'certificate')}`,
      );
      for (const { role, where } of idle) await output.line(`No rule is for the role ${role} (${where})`);
    });
}

function countsOf({ certificates, principals, rules }: AccessFile) {
  return {
    rules: rules.length,
    principals: Object.keys(principals).length,
    certificates: certificates.length,
  };
}

/** Roles that somebody has and no rule names: mostly a slip of the pen. */
function idleRoles({
  certificates,
  jwt,
  principals,
  rules,
}: AccessFile): readonly { readonly role: string; readonly where: string }[] {
  const ruled = new Set(rules.flatMap(({ roles }) => roles));
  const given = [
    ...Object.entries(principals).flatMap(([name, bindings]) =>
      bindings.map(({ role }) => ({ role, where: `principals.${name}` })),
    ),
    ...certificates.flatMap(({ bindings = [] }, index) =>
      bindings.map(({ role }) => ({ role, where: `certificates[${index}]` })),
    ),
    ...jwt.bindings.map(({ role }, index) => ({ role, where: `jwt.bindings[${index}]` })),
  ];
  // A rule for any role is for all of them, and what comes out of a claim is not known here.
  return ruled.has('*') ? [] : given.filter(({ role }) => !ruled.has(role) && !role.includes('$'));
}
