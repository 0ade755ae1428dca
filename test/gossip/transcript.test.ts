import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { replay } from './transcript.ts';

const folder = new URL('./', import.meta.url);
const transcripts = readdirSync(folder).filter((name) => name.endsWith('.txt'));

describe('transcripts', () => {
  test.each(transcripts)('%s happens again as it is written', (name) => {
    const file = new URL(name, folder);
    const written = readFileSync(file, 'utf8');
    const happened = replay(written);
    if (process.env['RKV_REWRITE'] !== undefined) writeFileSync(file, happened);
    else expect(happened).toBe(written);
  });
});
