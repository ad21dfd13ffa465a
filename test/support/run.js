// `npm test`: builds, then runs the suites one after the other against a real Postgres, each with a budget that is
// printed beside what it took. Plain JavaScript, since it runs before anything is compiled.
//
//   npm test                       all suites
//   npm test -- --suite main       one of them
//   npm test -- test/core          files, as vitest takes them
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { build } from '../../bin/build.js';
import { argumentsOf, SUITES } from './suites.js';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** What some tests need besides Node, and may not be there on a bare machine; in CI that is a failure. */
const NEEDS = [
  {
    command: ['openssl', 'version'],
    files: [
      'test/server/*tls*.test.ts',
      'test/{client/tls,docker/health-check,examples/access-client,cli/security-docs}.test.ts',
    ],
    what: 'what needs certificates, the commands of docs/security.md among it, for want of openssl (Debian: openssl)',
  },
  { command: ['git', '--version'], files: ['test/tour/**'], what: 'the tests of the tour, for want of git' },
  {
    command: ['psql', '--version'],
    files: ['test/examples/sql-psql.test.ts'],
    what: 'the psql example, for want of psql (Debian: postgresql-client)',
  },
  {
    // Debian's package belongs to Debian's Python, which need not be the first one there.
    command: ['sh', '-c', 'python3 -c "import psycopg" || /usr/bin/python3 -c "import psycopg"'],
    files: ['test/examples/sql-python.test.ts'],
    what: 'the Python example, for want of Python with psycopg 3 (Debian: python3-psycopg)',
  },
  {
    command: [
      'sh',
      '-c',
      'command -v setpriv && command -v protoc && command -v grpc_python_plugin && ' +
        '{ python3 -c "import grpc, google.protobuf" || /usr/bin/python3 -c "import grpc, google.protobuf"; }',
    ],
    files: ['test/polyglot/**'],
    what: 'the programs in Python and Go, for want of Python with gRPC (Debian: python3-grpcio protobuf-compiler-grpc)',
  },
  {
    // Whether all that they import is there already: tests download nothing.
    command: ['sh', '-c', 'cd test/polyglot/go && GOPROXY=off go mod download'],
    files: ['test/polyglot/**'],
    what: 'the programs in Python and Go, for want of Go 1.19 with their modules (go mod download in test/polyglot/go)',
  },
  {
    // Debian's wrapper in /usr/sbin would become another user; the tests start what is behind it.
    command: ['sh', '-c', 'command -v epmd && test -x /usr/lib/rabbitmq/bin/rabbitmq-server'],
    files: ['test/relay/**', 'test/trust/followers.test.ts'],
    what: 'the relays and the followers, for want of RabbitMQ (Debian: rabbitmq-server)',
  },
  {
    command: ['sh', '-c', 'PATH="$PATH:/usr/sbin" nats-server --version'],
    files: ['test/relay/**', 'test/trust/followers.test.ts'],
    what: 'the relays and the followers, for want of a NATS server (Debian: nats-server)',
  },
];

/** Runs the suites with this Node and returns what they found. */
export function runSuites(argv = []) {
  const scratch = path.join(root, '.headwater-test');
  mkdirSync(scratch, { recursive: true });
  const only = argv.includes('--suite') ? argv[argv.indexOf('--suite') + 1] : undefined;
  const files = argv.filter((argument, index) => argument !== '--suite' && argv[index - 1] !== '--suite');
  const suites =
    files.length > 0
      ? [{ name: 'chosen', files, seconds: 300 }]
      : SUITES.filter(({ name }) => only === undefined || name === only);
  const total = { passed: 0, failed: 0, failures: [] };
  const lines = [];
  const everything = process.env.HEADWATER_TEST_REQUIRE_ALL || process.env.HEADWATER_TEST_LONG;
  const leftOut = NEEDS.filter(
    ({ command: [file, ...args] }) => spawnSync(file, args, { cwd: root }).status !== 0,
  );
  for (const { what } of leftOut) {
    lines.push(`left out: ${what}`);
    if (!process.env.HEADWATER_TEST_REQUIRE_ALL) continue;
    total.failed += 1;
    total.failures.push(`left out ${what}`);
  }
  for (const suite of suites) {
    // A run without any test would count as failed.
    if (
      leftOut.some(({ files: globs }) =>
        suite.files.every((one) => globs.includes(`${one.replace(/\/?$/, '/')}**`)),
      )
    )
      continue;
    if (suite.long && only === undefined && !everything) {
      lines.push(
        `left out: suite ${suite.name}, which takes up to ${suite.seconds} s: npm test -- --suite ${suite.name}, or npm run check`,
      );
      continue;
    }
    const output = path.join(scratch, `results-${suite.name}-${process.pid}.json`);
    const began = Date.now();
    const run = spawnSync(
      process.execPath,
      [
        path.join(root, 'node_modules/vitest/vitest.mjs'),
        'run',
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${output}`,
        ...(files.length > 0 ? files : argumentsOf(suite)),
        ...leftOut.flatMap(({ files: globs }) => globs.flatMap((glob) => ['--exclude', glob])),
      ],
      { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
    );
    const result = read(output);
    rmSync(output, { force: true });
    total.passed += result.passed;
    // A suite that ends badly without a failed test (a crash, an unhandled error, no test at all) has failed all the same.
    total.failed += result.failed > 0 || run.status === 0 ? result.failed : 1;
    if (result.failed === 0 && run.status !== 0)
      total.failures.push(
        `suite ${suite.name} ended with ${run.status ?? run.signal}, and no test of it failed`,
      );
    // Tests ask for root or for Linux, and for nothing else.
    const want = process.platform === 'linux' ? 'for want of root' : 'for want of Linux or root';
    // Where something else was wanted, the test's name says what.
    for (const name of result.skipped)
      lines.push(name.includes('not installed') ? `skipped: ${name}` : `skipped ${want}: ${name}`);
    total.failures.push(...result.failures);
    const took = Math.round((Date.now() - began) / 1000);
    lines.push(
      `suite ${suite.name}: ${result.passed} passed, ${result.failed} failed in ${took} s of a budget of ${suite.seconds} s` +
        (took > suite.seconds ? ' — OVER BUDGET' : ''),
    );
  }
  for (const line of lines) console.log(line);
  return total;
}

function read(file) {
  try {
    const { testResults } = JSON.parse(readFileSync(file, 'utf8'));
    const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
    const broken = testResults.filter(
      ({ status, assertionResults }) =>
        status === 'failed' && !assertionResults.some((one) => one.status === 'failed'),
    );
    return {
      passed: tests.filter(({ status }) => status === 'passed').length,
      failed: tests.filter(({ status }) => status === 'failed').length + broken.length,
      failures: testResults.flatMap((result) => failuresOf(result)),
      skipped: tests
        .filter(({ status }) => status !== 'passed' && status !== 'failed')
        .map(({ fullName }) => fullName),
    };
  } catch (error) {
    console.error(`The results of the tests cannot be read: ${error.message}`);
    return { passed: 0, failed: 0, skipped: [], failures: [] };
  }
}

/** `file > test: the beginning of what was wrong`, for each test of a file that failed, or for the file itself. */
function failuresOf({ name, status, message, assertionResults }) {
  const file = path.relative(root, name);
  const failed = assertionResults.filter((one) => one.status === 'failed');
  if (failed.length === 0) return status === 'failed' ? [`${file}: ${beginningOf(message)}`] : [];
  return failed.map(
    ({ fullName, failureMessages }) => `${file} > ${fullName}: ${beginningOf(failureMessages.join('\n'))}`,
  );
}

function beginningOf(message) {
  return stripVTControlCharacters(message ?? '')
    .split('\n')
    .slice(0, 6)
    .join('\n  ')
    .slice(0, 800);
}

/** What failed is said here, for of a long output it is the end that is looked at. */
export function closingLine({ passed, failed, failures }) {
  for (const what of failures) console.log(`FAILED ${what}`);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  build();
  closingLine(runSuites(process.argv.slice(2)));
}
