import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
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
export function startWatched(
  program: string,
  args: readonly string[],
  options: WatchedProcessOptions,
): Promise<WatchedProcess> {
  const { launcher, libraryPath, onOutput } = options;
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
  const asUser =
    launcher.user === undefined || launcher.prefix.length > 0
      ? {}
      : { uid: launcher.user.uid, gid: launcher.user.gid };
  const child = spawn('/bin/sh', words, {
    cwd: '/',
    detached: true,
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    ...asUser,
  });
  child.stderr?.on('data', onOutput);
  const exited = watchExit(child);
  return new Promise((fulfil, reject) => {
    child.once('error', reject);
    child.once('spawn', () => {
      fulfil({
        pid: child.pid ?? 0,
        exited,
        kill: (signal) => void child.kill(signal),
        hold: (yes) => hold(child, yes),
      });
    });
  });
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
