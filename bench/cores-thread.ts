import { hash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';

// Work as a service has it, in objects and bytes of its own, for so many milliseconds; tells how often it was done.
const event = { amount: 1, currency: 'EUR', by: 'teller-1', note: 'a'.repeat(150) };

parentPort?.on('message', (milliseconds: number) => {
  const until = performance.now() + milliseconds;
  let done = 0;
  let seen = 0;
  while (performance.now() < until) {
    const text = JSON.stringify({ ...event, amount: done });
    seen += hash('sha256', text, 'hex').length + Object.keys(JSON.parse(text) as object).length;
    done += 1;
  }
  parentPort?.postMessage(seen > 0 ? done : 0);
});
