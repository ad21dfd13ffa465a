const CALLBACKS = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls back when the signal is aborted; returns how to take that back. However many wait, the signal has one listener, so
 * that one signal may stand behind a thousand appends without a warning of a leak.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  let callbacks = CALLBACKS.get(signal);
  if (callbacks === undefined) {
    const made = new Set<() => void>();
    callbacks = made;
    CALLBACKS.set(signal, made);
    signal.addEventListener('abort', () => {
      for (const one of made) one();
      made.clear();
    });
  }
  // A function of its own, so that the same callback may wait twice.
  const entry = () => callback();
  const waiting = callbacks;
  waiting.add(entry);
  return () => waiting.delete(entry);
}
