import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { AnswerTurns } from '../../src/grpc/answer-turns.js';

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

describe('answers of unary calls', () => {
  it('leave at once where they are few', () => {
    const turns = new AnswerTurns();
    const sent: number[] = [];
    for (const answer of upTo(32)) turns.answer(() => sent.push(answer));
    expect(sent).toEqual(upTo(32));
  });

  it('leave 32 in a turn of the event loop, in the order in which they came', async () => {
    const turns = new AnswerTurns();
    const sent: number[] = [];
    const sentAfter: number[] = [];
    for (const answer of upTo(100)) turns.answer(() => sent.push(answer));
    for (let turn = 0; turn < 4; turn++) {
      sentAfter.push(sent.length);
      // Comes while others wait, and so behind them.
      if (turn === 1) turns.answer(() => sent.push(100));
      await nextTurn();
    }
    expect([...sentAfter, sent.length]).toEqual([32, 64, 96, 101, 101]);
    expect(sent).toEqual(upTo(101));
  });

  it('leave at once again in the turn after', async () => {
    const turns = new AnswerTurns();
    const sent: number[] = [];
    for (const answer of upTo(32)) turns.answer(() => sent.push(answer));
    await nextTurn();
    await nextTurn();
    turns.answer(() => sent.push(32));
    expect(sent).toEqual(upTo(33));
  });

  it('that are asked for by an answer wait for their turn as well', async () => {
    const turns = new AnswerTurns();
    let sent = 0;
    const again = () => {
      sent += 1;
      if (sent < 1000) turns.answer(again);
    };
    turns.answer(again);
    expect(sent).toBe(32);
    await nextTurn();
    expect(sent).toBeLessThanOrEqual(64);
    while (sent < 1000) await nextTurn();
    expect(sent).toBe(1000);
  });
});
