import { connect } from '../src/client/connect.js';
import { keepInFlight } from './in-flight.js';
import type { Stage } from './stage.js';
import { UnaryAppend } from './unary-append.js';
import { walks } from './workload.js';

/** Each of the services that take them. */
const UNARY_PART = 0.4;

/**
 * Works for a while before the first row: a service that has just started runs code that the engine has not compiled yet, a few
 * times as slowly, which the warm-up of a short turn does not mend.
 */
export async function warmUp(
  { composedService, emptyService, service }: Stage,
  milliseconds: number,
): Promise<void> {
  const connection = connect({ address: service.address });
  const composed = connect({ address: composedService.address });
  const unary = [
    { stub: new UnaryAppend(service.address), inFlight: 64 },
    { stub: new UnaryAppend(emptyService.address), inFlight: 64 },
    // It has one connection for them.
    { stub: new UnaryAppend(composedService.address), inFlight: 1 },
  ];
  try {
    for (const { eventStore } of [connection, composed])
      await keepInFlight(walks(256), milliseconds, async (walk) => {
        await eventStore.append(walk.request());
        return 1;
      });
    for (const { inFlight, stub } of unary)
      await keepInFlight(walks(inFlight), milliseconds * UNARY_PART, async (walk) => {
        await stub.append(walk.request());
        return 1;
      });
    for await (const _ of connection.eventStore.load({ limit: 10_000n }));
  } finally {
    connection.close();
    composed.close();
    for (const { stub } of unary) stub.close();
  }
}
