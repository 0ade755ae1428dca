import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkNode } from '../../src/server/node-version.ts';

const { engines } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));
const needed: string = engines.node.replace('>=', '');

test('a Node below what the package asks for is refused with a code, the version that is needed and how to get it', () => {
  for (const version of ['18.20.0', '20.20.2', '22.12.0']) {
    expect(() => checkNode(version)).toThrow(
      expect.objectContaining({ code: 'NODE_TOO_OLD', needed, message: expect.stringContaining(`this is ${version}`) }),
    );
  }
  expect(() => checkNode('20.20.2')).toThrow('nvm install 22');
  for (const version of [`${needed}.0`, '22.14.1', '24.0.0']) expect(() => checkNode(version)).not.toThrow();
});
