import { describe, expect, it } from 'vitest';
import { NotConfirmedError, ServerLives } from '../../src/postgres/server-lives.js';

const server = (timeline: number, startedAt: string, systemId = 'a') => ({ systemId, timeline, startedAt });

describe('the lives of a server', () => {
  it('are told apart by restarts, promotions and other servers', () => {
    const lives = new ServerLives();
    expect(lives.admit(server(1, 'noon'))).toBe(1);
    expect(lives.admit(server(1, 'noon'))).toBe(1);
    expect(lives.admit(server(1, 'later'))).toBe(2);
    expect(lives.admit(server(2, 'noon'))).toBe(3);
    expect(lives.admit(server(1, 'noon', 'b'))).toBe(4);
  });

  it('do not go back: a former primary is refused', () => {
    const lives = new ServerLives();
    lives.admit(server(2, 'noon'));
    expect(() => lives.admit(server(1, 'later'))).toThrow(
      'The server is a former primary, on timeline 1: timeline 2 was in use already',
    );
    expect(lives.current).toBe(1);
  });

  it('are trusted at once where there is nothing to wait for', async () => {
    const lives = new ServerLives();
    lives.admit(server(1, 'noon'));
    expect(lives.trusted).toBe(true);
    await lives.trust(0);
  });
});

describe('a life with a barrier', () => {
  it('is trusted when the barrier has passed, and all who wait share one', async () => {
    let barriers = 0;
    const lives = new ServerLives((begun) => {
      barriers += 1;
      begun(server(1, 'noon'));
      return Promise.resolve();
    });
    lives.admit(server(1, 'noon'));
    expect(lives.trusted).toBe(false);
    await Promise.all(Array.from({ length: 10 }, () => lives.trust(1000)));
    expect(lives.trusted).toBe(true);
    expect(barriers).toBe(1);
  });

  it('is not trusted by a barrier of the life before, nor by one that began before a doubt', async () => {
    const pass: (() => void)[] = [];
    const lives = new ServerLives(async (begun) => {
      begun(server(1, 'noon'));
      await new Promise<void>((resolve) => pass.push(resolve));
    });
    lives.admit(server(1, 'noon'));
    const trusting = lives.trust(5000);
    lives.distrust();
    pass[0]?.();
    await expect.poll(() => pass.length).toBe(2);
    expect(lives.trusted).toBe(false);
    pass[1]?.();
    await trusting;
    expect(lives.trusted).toBe(true);
  });

  it('is waited for no longer than was asked, and not at all when the barrier fails', async () => {
    const never = new ServerLives(() => new Promise(() => undefined));
    await expect(never.trust(20)).rejects.toThrow('No synchronous standby has confirmed yet');
    const failing = new ServerLives(() => Promise.reject(new Error('gone')));
    await expect(failing.trust(5000)).rejects.toBeInstanceOf(NotConfirmedError);
  });
});
