import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { type Connection, connect } from '../../src/client/connect.js';
import type { NewEvent } from '../../src/core/event.js';
import { systemRuntime } from '../../src/system.js';
import { type CrashablePostgres, startCrashablePostgres } from '../support/crashable-postgres.js';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';

// A person waits for less than CI.
const EVENTS = process.env['HEADWATER_TEST_REQUIRE_ALL'] ? 1_000_000 : 300_000;
const EVENTS_AN_APPEND = 500;
/** Appends under way at a time. */
const IN_FLIGHT = 16;
const LIMIT_MB = 300;

let postgres: CrashablePostgres;
let service: ServiceProcess;
let connection: Connection;

afterEach(async () => {
  connection?.close();
  await service?.kill();
  await postgres?.close();
});

// Linux tells the resident size of other processes in a file; elsewhere this cannot be measured without a tool.
test.runIf(process.platform === 'linux')(
  `the service stays below ${LIMIT_MB} MB while many events are appended and loaded`,
  { timeout: 240_000 },
  async () => {
    postgres = await startCrashablePostgres();
    service = await startServiceProcess({ databaseUrl: postgres.url });
    connection = connect({ address: service.address, timeoutMs: 60_000 });
    await connection.waitForReady();
    const { pid } = service;
    const idle = residentMb(pid);
    const peak = new Peak(pid);
    const standing = standStill(connection);

    const appending = performance.now();
    await appendAll(connection);
    const appendSeconds = (performance.now() - appending) / 1000;
    const appendPeak = peak.take();

    const loading = performance.now();
    let loaded = 0n;
    for await (const { events } of connection.eventStore.load({})) loaded += BigInt(events.length);
    const loadSeconds = (performance.now() - loading) / 1000;
    const loadPeak = peak.take();
    peak.stop();
    await standing.leave();

    console.log(
      `resident: ${idle} MB idle, ${appendPeak} MB at most while ${EVENTS} events were appended in ` +
        `${appendSeconds.toFixed(1)} s (${Math.round(EVENTS / appendSeconds)} events/s), ${loadPeak} MB while they were ` +
        `loaded in ${loadSeconds.toFixed(1)} s (${Math.round(EVENTS / loadSeconds)} events/s), with a subscriber that ` +
        'stood still all the time',
    );
    expect(Number(loaded)).toBe(EVENTS);
    expect(peak.samples).toBeGreaterThan(20);
    expect(appendPeak).toBeLessThan(LIMIT_MB);
    expect(loadPeak).toBeLessThan(LIMIT_MB);
  },
);

async function appendAll({ eventStore }: Connection): Promise<void> {
  let next = 0;
  const one = async () => {
    while (next < EVENTS) {
      const aggregateId = String(next / EVENTS_AN_APPEND);
      next += EVENTS_AN_APPEND;
      const events = Array.from({ length: EVENTS_AN_APPEND }, (_, index) => event(index));
      const stream = { aggregateType: 'Meter', aggregateId };
      await eventStore.append({ streams: [{ stream, expectedVersion: 'NO_STREAM', events }] });
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, one));
}

/** 100 to 200 bytes of data. */
function event(index: number): NewEvent {
  return {
    eventId: systemRuntime.newEventId(),
    eventType: 'Measured',
    data: Buffer.from(`{"kwh":${index},"note":"${'m'.repeat(80 + (index % 100))}"}`),
    contentType: 'application/json',
  };
}

/** A subscriber that takes one message and no other, as a program in a debugger does. */
function standStill({ eventStore }: Connection): { leave(): Promise<unknown> } {
  const stop = new AbortController();
  const messages = eventStore.subscribe({}, { signal: stop.signal })[Symbol.asyncIterator]();
  const first = messages.next();
  first.catch(() => undefined);
  return {
    leave: async () => {
      await first;
      stop.abort(new Error('It leaves'));
      return messages.return(undefined);
    },
  };
}

/** The highest resident size since it was last asked. */
class Peak {
  samples = 0;
  #highest = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(pid: number) {
    this.#timer = setInterval(() => {
      this.#highest = Math.max(this.#highest, residentMb(pid));
      this.samples += 1;
    }, 50);
  }

  take(): number {
    const highest = this.#highest;
    this.#highest = 0;
    return highest;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

function residentMb(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kilobytes) / 1024);
}
