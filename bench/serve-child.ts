import type { ChildMessage, ToChild } from './child.js';

/**
 * The other side of {@link startChild}: tells the address, answers what it is asked, and stops when told to or when the parent is
 * gone.
 */
export function serveChild(
  address: string,
  stop: () => Promise<unknown>,
  answer: (question: unknown) => Promise<unknown> = async () => undefined,
): void {
  tell({ kind: 'SERVING', address });
  let ending = false;
  const end = () => {
    if (ending) return;
    ending = true;
    void stop().then(() => {
      const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
      const cpuSeconds = (userCPUTime + systemCPUTime) / 1e6;
      if (process.connected) tell({ kind: 'ENDED', peakMiB: Math.round(maxRSS / 1024), cpuSeconds });
      process.disconnect?.();
      // A CPU profile is written on the way out.
      process.exit();
    });
  };
  // Ctrl-C reaches the whole group; the parent decides.
  process.on('SIGINT', () => undefined);
  process.on('message', (message: ToChild) => {
    if (message.kind === 'STOP') return end();
    // What fails here is not caught: the process ends, and whoever asked is told.
    void answer(message.question).then((given) => tell({ kind: 'ANSWERED', answer: given }));
  });
  process.on('disconnect', end);
}

function tell(message: ChildMessage): void {
  process.send?.(message);
}
