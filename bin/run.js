#!/usr/bin/env node
import { pathToFileURL } from 'node:url';
import { enableCompileCache, findBuilt, packageRoot, packageVersion, pickNode, print } from './pick-node.js';

const node = pickNode();
if (node !== null) await start(node);

async function start({ version, startAgain }) {
  const [first, ...rest] = process.argv.slice(2);
  if (rest.length === 0 && ['--version', '-v', 'version'].includes(first)) {
    // Answered without loading anything: scripts ask for it often.
    print(`rkv/${packageVersion()} ${process.platform}-${process.arch} node-v${version}\n`);
    return;
  }
  if (startAgain !== null) return startAgain();
  const built = findBuilt('main.js');
  if (built === null) return;
  enableCompileCache();
  const { main } = await import(pathToFileURL(built).href);
  await main(process.argv.slice(2), packageRoot);
}
