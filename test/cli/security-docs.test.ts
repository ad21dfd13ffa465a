import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { exportJWK, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { urlOf } from '../support/headwater.js';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';
import { blocksOf } from '../docs/markdown.js';

const root = path.resolve(import.meta.dirname, '../..');
const text = readFileSync(path.join(root, 'docs/security.md'), 'utf8');

/** A command of the page, with the text that it reads from its own lines, and what stands below it. */
const steps = blocksOf(text, 'console')
  .filter(({ info }) => info !== 'not-run')
  .flatMap(({ code, line }) =>
    code
      .split(/^\$ /m)
      .filter((one) => one !== '')
      .map((one) => {
        const end = one.includes("<<'END'") ? one.indexOf('\nEND\n') + 4 : one.indexOf('\n');
        return { line, command: one.slice(0, end), shown: one.slice(end + 1) };
      }),
  );

let folder: string;
let databaseUrl: string;
let drop: () => Promise<void>;
let service: ServiceProcess | undefined;
const exported: Record<string, string> = {};

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'security-'));
  const server = openDatabase();
  const name = newSchemaName();
  await server.query('append', `CREATE DATABASE ${name}`, []);
  const url = new URL(urlOf(inject('connection')));
  url.pathname = `/${name}`;
  databaseUrl = url.toString();
  drop = async () => {
    await server.query('append', `DROP DATABASE ${name} WITH (FORCE)`, []);
    await server.close();
  };
  symlinkSync(path.join(root, 'examples'), path.join(folder, 'examples'));
  await writeIssuer();
});
afterAll(async () => {
  await service?.drain();
  rmSync(folder, { recursive: true });
  await drop();
});

/** What the page takes from an issuer. */
async function writeIssuer(): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256', use: 'sig' };
  writeFileSync(path.join(folder, 'issuer.json'), JSON.stringify({ keys: [key] }));
  const token = await new SignJWT({})
    .setProtectedHeader({ alg: 'ES256', kid: 'one' })
    .setSubject('olga')
    .setIssuer('https://id.example/realms/shop')
    .setAudience('headwater')
    .setExpirationTime('10m')
    .sign(privateKey);
  writeFileSync(path.join(folder, 'olga.jwt'), token);
}

/** Starts the service that a line of the page serves, in place of the one before. */
async function serve(command: string): Promise<void> {
  await service?.drain();
  const flags = command.split(' ').slice(2);
  service = await startServiceProcess({ databaseUrl, cwd: folder, flags });
}

/** Runs it in a shell, and gives what a terminal would have shown. */
async function run(command: string): Promise<string> {
  const script = `headwater() { "$NODE" "$ENTRY" "$@"; }\n${command}`;
  const child = spawn('/bin/sh', ['-c', `exec 2>&1\n${script}`], {
    cwd: folder,
    env: {
      ...process.env,
      NODE: process.execPath,
      ENTRY: path.join(root, 'bin/headwater.js'),
      DATABASE_URL: databaseUrl,
      HEADWATER_ADDRESS: service?.address ?? '',
      ...exported,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return code === 0 ? output : `${output}(exit ${code})\n`;
}

/** What is shown, as a pattern: `…` is anything, and any number of spaces are one. */
function pattern(shown: string): RegExp {
  const escaped = shown
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`).replace(/ +/g, ' +'))
    .join('[^]*');
  return new RegExp(`^${escaped}$`);
}

describe('the commands of docs/security.md, in their order', () => {
  it.each(steps)('$command', { timeout: 60_000 }, async ({ command, shown }) => {
    const [, name, value] = /^export (\w+)=(\S+)$/.exec(command) ?? [];
    if (name !== undefined && value !== undefined) exported[name] = value;
    else if (command.startsWith('headwater serve')) await serve(command);
    // The audit is written beside the calls.
    else if (command.startsWith('headwater audit'))
      await expect.poll(() => run(command), { timeout: 30_000 }).toMatch(pattern(shown));
    else expect(await run(command)).toMatch(pattern(shown));
  });
});
