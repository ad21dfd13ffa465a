import type { CallOptions } from '../core/call-options.js';

/** Until the client's deadline, so that who waits can say why before it passes; nothing where there is none. */
export function timeLeft(
  call: { getDeadline(): Date | number },
  longestMs: number,
): Pick<CallOptions, 'timeoutMilliseconds'> {
  const milliseconds = Number(call.getDeadline()) - Date.now();
  return Number.isFinite(milliseconds)
    ? { timeoutMilliseconds: Math.max(0, Math.min(milliseconds, longestMs)) }
    : {};
}
