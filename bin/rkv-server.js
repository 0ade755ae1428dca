#!/usr/bin/env node
import { pathToFileURL } from 'node:url';
import { enableWholeCompileCache, findBuilt, packageVersion, pickNode, print } from './pick-node.js';

/** The version of Redis whose commands and formats we follow; tools read it from the `v=` of the version line. */
const REDIS_VERSION = '7.2.4';

const USAGE = `Usage: rkv-server [/path/to/redis.conf] [options] [-]
       rkv-server - (read config from stdin)
       rkv-server -v or --version
       rkv-server -h or --help

Options are the directives of redis.conf, each with --, and come after the file:
       rkv-server --port 7777
       rkv-server redis.conf --loglevel verbose
       echo 'appendonly yes' | rkv-server -
`;

const node = pickNode();
if (node !== null) await start(node);

async function start({ startAgain }) {
  const [first, ...rest] = process.argv.slice(2);
  if (rest.length === 0 && (first === '--version' || first === '-v')) {
    const build = `build=rkv-${packageVersion()}`;
    print(`Redis server v=${REDIS_VERSION} sha=00000000:0 malloc=libc bits=64 ${build}\n`);
    return;
  }
  if (rest.length === 0 && (first === '--help' || first === '-h')) {
    print(USAGE);
    return;
  }
  if (startAgain !== null) return startAgain();
  const built = findBuilt('server.mjs');
  if (built === null) return;
  enableWholeCompileCache();
  const { main } = await import(pathToFileURL(built).href);
  await main(process.argv.slice(2));
}
