import type { AppendOutcome, AppendRequest, StreamAppend } from './append.js';
import { HeadwaterError, type Outcome } from './errors.js';
import { eventBytes, type Event, eventsBytes, type NewEvent } from './event.js';
import { type MiddlewareOptions, middlewareFailure, tellAfterAppendFailure } from './middleware-failures.js';
import { transformed } from './middleware-pages.js';
import { receivedAs } from './received-data.js';
import type { AppendHandler, StoreMiddleware } from './store-middleware.js';

/** One middleware around an append. */
export function aroundAppend(
  middleware: StoreMiddleware,
  next: AppendHandler,
  options: MiddlewareOptions,
): AppendHandler {
  return async (request, call) => {
    const seen: { committed?: AppendOutcome; outcome: Outcome | undefined } = { outcome: 'NOT_APPLIED' };
    const watched: AppendHandler = async (handedOn, how) => {
      seen.outcome = undefined;
      try {
        const answer = await next(handedOn, how);
        if (answer.outcome === 'APPENDED') seen.committed = answer;
        else seen.outcome = 'NOT_APPLIED';
        return answer;
      } catch (error) {
        if (error instanceof HeadwaterError) seen.outcome = error.outcome;
        throw error;
      }
    };
    try {
      const inner = simpleShapes(middleware, watched, options);
      const handler = middleware.append?.(inner) ?? inner;
      return await handler(request, call);
    } catch (error) {
      if (seen.committed === undefined)
        throw middlewareFailure(error, middleware.name, options, {
          signal: call.signal,
          outcome: seen.outcome,
        });
      tellAfterAppendFailure(error, middleware.name, options);
      return seen.committed;
    }
  };
}

function simpleShapes(
  { name, beforeAppend, afterAppend, onLoad }: StoreMiddleware,
  next: AppendHandler,
  options: MiddlewareOptions,
): AppendHandler {
  if (!beforeAppend && !afterAppend && !onLoad) return next;
  return async (request, call) => {
    const handedOn = beforeAppend ? await changed(request, beforeAppend) : request;
    const answer = await next(handedOn, call);
    const shown = onLoad ? await withIntervening(answer, request, onLoad) : answer;
    try {
      await afterAppend?.(shown, handedOn);
    } catch (error) {
      tellAfterAppendFailure(error, name, options);
    }
    return shown;
  };
}

async function changed(
  request: AppendRequest,
  beforeAppend: NonNullable<StoreMiddleware['beforeAppend']>,
): Promise<AppendRequest> {
  const streams: StreamAppend[] = [];
  for (const entry of request.streams) {
    const events: NewEvent[] = [];
    for (const event of entry.events) {
      const given = beforeAppend(event, request);
      const result = given instanceof Promise ? await given : given;
      if (typeof result !== 'object' || result === null)
        throw new TypeError('beforeAppend must give the event to store');
      events.push(receivedAs(event, result));
    }
    streams.push({ ...entry, events });
  }
  return { ...request, streams };
}

/** The answer with its events as they are to be shown, and no more of them than the budget allows. */
async function withIntervening(
  answer: AppendOutcome,
  request: AppendRequest,
  onLoad: NonNullable<StoreMiddleware['onLoad']>,
): Promise<AppendOutcome> {
  if (answer.outcome !== 'REFUSED' || answer.intervening === undefined) return answer;
  const { events, truncated } = answer.intervening;
  const shown = await transformed(events, onLoad);
  // The store has measured what is stored; only what has grown may be too much.
  if (eventsBytes(shown) <= eventsBytes(events))
    return { ...answer, intervening: { events: shown, truncated } };
  const kept: Event[] = [];
  let room = request.interveningBytes ?? 0;
  for (const event of shown) {
    room -= eventBytes(event);
    if (room < 0) break;
    kept.push(event);
  }
  return { ...answer, intervening: { events: kept, truncated: truncated || kept.length < shown.length } };
}
