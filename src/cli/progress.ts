import progress from 'cli-progress';

/** A line on standard error that shows how far a long piece of work is. */
export interface Progress {
  add(count: number): void;
  /** Replaces what stands behind the numbers. */
  note(text: string): void;
  stop(): void;
}

const SILENT: Progress = { add: () => undefined, note: () => undefined, stop: () => undefined };

/** For work of unknown length: counts, with a rate. Silent where standard error is no terminal. */
export function countingProgress(unit: string): Progress {
  if (!process.stderr.isTTY) return SILENT;
  return bar(`{value} ${unit} | {speed} ${unit}/s | {duration_formatted} {note}`, 0, unit);
}

/** For work of known length: a bar with a rate; where standard error is no terminal, a line every few seconds. */
export function barProgress(total: number, unit: string): Progress {
  if (process.stderr.isTTY)
    return bar(`{bar} {value}/{total} ${unit} | {speed} ${unit}/s | {eta_formatted} {note}`, total, unit);
  const began = performance.now();
  let told = began;
  let done = 0;
  let noted = '';
  return {
    add: (count) => {
      done += count;
      const now = performance.now();
      if (now - told < 5000) return;
      told = now;
      process.stderr.write(
        `${done}/${total} ${unit}, ${Math.round((done * 1000) / (now - began))} ${unit}/s ${noted}\n`,
      );
    },
    note: (text) => {
      noted = text;
    },
    stop: () => undefined,
  };
}

function bar(format: string, total: number, unit: string): Progress {
  const began = performance.now();
  let done = 0;
  let note = '';
  const shown = new progress.SingleBar({
    format,
    stream: process.stderr,
    barsize: 30,
    hideCursor: true,
    clearOnComplete: false,
    formatBar: progress.Format.BarFormat,
    etaBuffer: 1000,
    fps: 5,
  });
  const payload = () => ({
    speed: Math.round((done * 1000) / Math.max(1, performance.now() - began)),
    note,
    unit,
  });
  shown.start(total, 0, payload());
  return {
    add: (count) => {
      done += count;
      shown.update(done, payload());
    },
    note: (text) => {
      note = text;
      shown.update(done, payload());
    },
    stop: () => {
      shown.update(done, payload());
      shown.stop();
    },
  };
}
