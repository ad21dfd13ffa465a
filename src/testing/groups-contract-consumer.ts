import type {
  ConsumerGroups,
  Delivery,
  GroupMembership,
  GroupMessage,
  JoinGroupRequest,
} from '../core/consumer-groups.js';
import type { Event } from '../core/event.js';
import { jsonOf } from './builders.js';
import { eventually, type TestFramework } from './contract.js';

/** A consumer of a test: takes what comes as soon as it comes, and answers when it is told to. */
export class TestConsumer {
  readonly #framework: TestFramework;
  readonly membership: GroupMembership;
  readonly messages: GroupMessage[] = [];
  readonly deliveries: Delivery[] = [];
  /** With what the membership ended. */
  error: unknown;
  ended = false;
  #answers = false;

  private constructor(framework: TestFramework, membership: GroupMembership) {
    this.#framework = framework;
    this.membership = membership;
    void this.#take();
  }

  static async join(
    framework: TestFramework,
    groups: ConsumerGroups,
    request: JoinGroupRequest & { readonly signal?: AbortSignal },
  ): Promise<TestConsumer> {
    const { signal, ...join } = request;
    return new TestConsumer(framework, await groups.join(join, signal && { signal }));
  }

  /** What was delivered, in order. */
  get events(): readonly Event[] {
    return this.deliveries.flatMap(({ events }) => events);
  }

  /** The same, by stream and version: `a1`. */
  get names(): readonly string[] {
    return this.events.map(named);
  }

  /** The data of what was delivered. */
  get data(): readonly unknown[] {
    return this.events.map(jsonOf);
  }

  /** From now on it acknowledges whatever comes. */
  answerAll(): this {
    this.#answers = true;
    for (const delivery of this.deliveries) this.#ackLast(delivery);
    return this;
  }

  async got(count: number): Promise<void> {
    const what = () => `${count} events are delivered, and not ${this.names.join(' ')}`;
    await eventually(this.#framework, what(), async () => this.events.length >= count);
    this.#framework.expect(this.events.length, what()).toBe(count);
  }

  async untilEnded(): Promise<void> {
    await eventually(this.#framework, 'the membership has ended', async () => this.ended);
  }

  /** The position of an event that was delivered, by its name. */
  position(name: string): bigint {
    return this.events.findLast((event) => named(event) === name)?.position ?? 0n;
  }

  ack(...names: readonly string[]): Promise<readonly bigint[]> {
    return this.membership.ack(names.map((name) => this.position(name)));
  }

  async #take(): Promise<void> {
    try {
      for await (const message of this.membership.messages) {
        this.messages.push(message);
        if (message.kind !== 'DELIVER') continue;
        this.deliveries.push(...message.deliveries);
        if (this.#answers) for (const delivery of message.deliveries) this.#ackLast(delivery);
      }
    } catch (error) {
      this.error = error;
    }
    this.ended = true;
  }

  #ackLast({ events }: Delivery): void {
    const last = events.at(-1);
    // One whose membership has ended comes to another consumer.
    if (last) this.membership.ack([last.position]).catch(() => undefined);
  }
}

/** A stream's id and the version: `a1`. */
export function named({ stream, version }: Event): string {
  return `${stream.aggregateId}${version}`;
}
