import { HeadwaterError } from '../../core/errors.js';
import type { Runtime } from '../../core/runtime.js';
import { type AnyMiddleware, typeOf } from '../middleware.js';

/** Where figures go; a few lines over whatever library counts. */
export interface HandlingMetrics {
  /** One more of them. */
  count(name: string, labels: Readonly<Record<string, string>>): void;
  /** One more value of a distribution. */
  observe(name: string, value: number, labels: Readonly<Record<string, string>>): void;
}

export interface MetricsOptions {
  readonly metrics: HandlingMetrics;
  readonly runtime: Pick<Runtime, 'monotonic'>;
}

/**
 * Counts commands and events by type and outcome (`ok`, or the reason of the failure) as `headwater_commands_total` or
 * `headwater_events_handled_total`, and their time in seconds as `headwater_command_seconds` or
 * `headwater_event_handling_seconds`. Aggregates are no labels: there are too many.
 */
export function metrics({ metrics: port, runtime }: MetricsOptions): AnyMiddleware {
  return (next) => async (handled, signal) => {
    const [total, seconds] =
      handled.kind === 'COMMAND'
        ? ['headwater_commands_total', 'headwater_command_seconds']
        : ['headwater_events_handled_total', 'headwater_event_handling_seconds'];
    const begun = runtime.monotonic();
    const done = (outcome: string) => {
      const labels = { type: typeOf(handled), outcome };
      port.count(total, labels);
      port.observe(seconds, (runtime.monotonic() - begun) / 1000, labels);
    };
    try {
      const answer = await next(handled, signal);
      done('ok');
      return answer;
    } catch (error) {
      done(error instanceof HeadwaterError ? error.reason : 'ERROR');
      throw error;
    }
  };
}
