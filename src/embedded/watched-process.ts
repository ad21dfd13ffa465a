import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import type { Launcher } from './launcher.js';
import type { LibraryPath } from './library-links.js';

/** How a process ended: one of the two is null. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program that is interrupted (SIGINT) when this process ends, however it ends. */
export interface WatchedProcess {
  readonly pid: number;
  /** Resolves when it has ended and all that it wrote has been handed on. */
  readonly exited: Promise<ProcessExit>;
  /** Does nothing once it has ended. */
  kill(signal: NodeJS.Signals): void;
  /** Whether a running program keeps this process's event loop alive; it does at first. */
  hold(yes: boolean): void;
}

export interface WatchedProcessOptions {
  readonly launcher: Launcher;
  readonly libraryPath: LibraryPath;
  /** Everything written to standard error. */
  readonly onOutput: (chunk: Buffer) => void;
}

/**
 * The shell leaves a watchdog behind and then becomes the program, so that the program is our own child with the
 * number we know. The watchdog waits on a pipe that only we hold the other end of: the system closes it even after
 * kill -9. A line through the pipe sends it home, so that it never signals a number that is no longer the program's.
 *
 * It is a grandchild, handed to init at once: Postgres takes a child that it does not know for a crashed backend.
 * `setpriv --pdeathsig` would need no watchdog, but fires when the *thread* ends that called spawn, is Linux only,
 * and is cleared by an exec that changes the user.
 *
 * The library path is set in here because macOS strips it from the environment of its own shell.
 */
const script = `
export "$1=$2"; shift 2
( ( trap '' INT TERM HUP; read -r word <&3 || kill -INT $$ ) >/dev/null 2>&1 & )
exec 3<&-
exec "$@"`;

/**
 * Starts a program in a session of its own, so that Ctrl-C at the terminal reaches this process and not the program.
 */
export async function startWatched(
  program: string,
  args: readonly string[],
  options: WatchedProcessOptions,
): Promise<WatchedProcess> {
  const { launcher, libraryPath } = options;
  const words = [
    '-c',
    script,
    'sh',
    libraryPath.name,
    libraryPath.value,
    ...launcher.prefix,
    program,
    ...args,
  ];
  try {
    const child = spawnShell(words, launcher);
    child.stderr?.on('data', options.onOutput);
    const exited = watchExit(child);
    await once(child, 'spawn');
    return {
      pid: child.pid ?? 0,
      exited,
      kill: (signal) => void child.kill(signal),
      hold: (yes) => hold(child, yes),
    };
  } catch (cause) {
    throw cannotStart(program, launcher, cause);
  }
}

function spawnShell(words: readonly string[], { user, prefix }: Launcher): ChildProcess {
  const byPrefix = user === undefined || prefix.length > 0;
  return spawn('/bin/sh', words, {
    cwd: '/',
    detached: true,
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    ...(byPrefix ? {} : { uid: user.uid, gid: user.gid }),
  });
}

/** Mostly root without the rights of root (`--cap-drop`), or an image without a shell. */
function cannotStart(program: string, { user }: Launcher, cause: unknown): EmbeddedPostgresError {
  const as = user === undefined ? '' : ` as ${user.name}`;
  return new EmbeddedPostgresError(
    'NOT_SUPPORTED',
    `Cannot start ${program}${as} by /bin/sh (${cause instanceof Error ? cause.message : String(cause)}): start as another user, or set DATABASE_URL to a Postgres of your own`,
    { cause },
  );
}

/** How long to wait for the end of the output: what a killed server leaves behind may hold the pipe a little longer. */
const outputGraceMs = 500;

function watchExit(child: ChildProcess): Promise<ProcessExit> {
  const lifeline = child.stdio[3];
  // The watchdog may be gone already; then there is nobody left to tell.
  lifeline?.on('error', () => undefined);
  return new Promise((fulfil) => {
    child.once('exit', (code, signal) => {
      if (lifeline instanceof Socket) lifeline.end('ended\n');
      const done = (): void => {
        clearTimeout(timer);
        child.stderr?.destroy();
        fulfil({ code, signal });
      };
      const timer = setTimeout(done, outputGraceMs);
      if (child.stderr?.readableEnded !== false) done();
      else child.stderr.once('end', done);
    });
  });
}

function hold(child: ChildProcess, yes: boolean): void {
  const parts = [child, ...child.stdio.filter((stream) => stream instanceof Socket)];
  for (const part of parts) {
    if (yes) part.ref();
    else part.unref();
  }
}
