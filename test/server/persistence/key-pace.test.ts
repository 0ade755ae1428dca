import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/base/clock.ts';
import { defaultConfig } from '../../../src/config/directives.ts';
import { KeyPace } from '../../../src/server/persistence/key-pace.ts';

it('each key costs so many microseconds; -n is one microsecond for every n keys', () => {
  const clock = new ManualClock();
  const config = { ...defaultConfig(), 'key-load-delay': 500 };
  const pace = new KeyPace('key-load-delay', { config, clock });
  expect(pace.isSlow).toBe(true);
  expect(pace.wait_ms(1)).toBe(0); // Half a millisecond is owed.
  expect(pace.wait_ms(20)).toBeCloseTo(10);
  clock.advance(8);
  expect(pace.wait_ms(20)).toBeCloseTo(2);
  clock.advance(2);
  expect(pace.wait_ms(20)).toBe(0);
  config['key-load-delay'] = -50;
  expect(pace.wait_ms(20 + 49_999)).toBe(0);
  expect(pace.wait_ms(20 + 500_000)).toBeCloseTo(10);
});

it('a delay that is taken back is owed no more', () => {
  const clock = new ManualClock();
  const config = { ...defaultConfig(), 'rdb-key-save-delay': 10_000_000 };
  const pace = new KeyPace('rdb-key-save-delay', { config, clock });
  expect(pace.wait_ms(3)).toBe(50); // In pieces: there are 30 seconds to wait for.
  config['rdb-key-save-delay'] = 0;
  expect(pace.wait_ms(4)).toBe(0);
  config['rdb-key-save-delay'] = 2000;
  expect(pace.wait_ms(4)).toBe(0);
});
