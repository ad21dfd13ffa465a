import type { Client } from '@grpc/grpc-js';
import type { GroupMembership, JoinGroupRequest } from '../core/consumer-groups.js';
import { backoff } from './backoff.js';
import type { ConsumerGroupsClientParts } from './consumer-groups.js';
import { isTransient } from './failure.js';
import { GroupMember } from './group-member.js';
import { LinkedSignal } from './linked-signal.js';

/** Joins at the address in use, and tries others while it fails with what may pass; then fails with the last error. */
export async function joinGroup(
  parts: ConsumerGroupsClientParts,
  request: JoinGroupRequest,
  signal: AbortSignal | undefined,
): Promise<GroupMembership> {
  const { channels, closed, runtime, timeoutMs } = parts;
  const begun = runtime.monotonic();
  const linked = new LinkedSignal([signal, closed]);
  try {
    for (let failures = 1; ; failures++) {
      linked.signal.throwIfAborted();
      const left = timeoutMs - (runtime.monotonic() - begun);
      try {
        return await open(parts, channels.current, request, { signal, joinTimeoutMs: left });
      } catch (error) {
        if (!isTransient(error) || linked.signal.aborted) throw error;
        const pause = backoff(failures, runtime, error.retryAfterMilliseconds);
        if (runtime.monotonic() - begun + pause > timeoutMs) throw error;
        await runtime.sleep(pause, linked.signal);
      }
    }
  } finally {
    linked.close();
  }
}

function open(
  { channels, closed }: ConsumerGroupsClientParts,
  client: Client,
  request: JoinGroupRequest,
  { joinTimeoutMs, signal }: { readonly joinTimeoutMs: number; readonly signal: AbortSignal | undefined },
): Promise<GroupMembership> {
  // It lasts as long as the membership.
  const linked = new LinkedSignal([signal, closed]);
  const member = new GroupMember(client, request, {
    signal: linked.signal,
    joinTimeoutMs,
    // The next join goes elsewhere.
    onDraining: () => channels.failed(client),
    onEnd: (error) => {
      linked.close();
      if (isTransient(error) && !linked.signal.aborted) channels.failed(client);
    },
  });
  return member.joined;
}
