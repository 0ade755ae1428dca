/*
 * `npm run bench`: rkv beside an installed redis-server, in one run. bench/README.md says how to read the figures.
 *
 *   npm run bench                      everything, about 12 minutes
 *   npm run bench -- --quick           the main table only, a few minutes
 *   npm run bench -- commands memory   some parts: commands, memory, stall, expiry, cluster, reshard, cli, library
 *   npm run bench -- --save            keeps the figures in bench/results and the table in README.md
 */
import { spawnSync } from 'node:child_process';
import { benchCommands, commandCases } from './commands.ts';
import { benchExpiry } from './expiry.ts';
import { benchMemory } from './memory.ts';
import { benchCli, benchCluster, benchLibrary } from './processes.ts';
import { benchReshard } from './reshard.ts';
import { currentCommit, findPlace, type Results, save, summary } from './results.ts';
import { hasRedis } from './servers.ts';
import { benchStalls } from './stall.ts';

const PARTS = ['commands', 'memory', 'stall', 'expiry', 'cluster', 'reshard', 'cli', 'library'] as const;
/** Its bus ports (10,000 above) too lie below the range that the system gives to outgoing connections. */
const PORT = 20_600;

const args = process.argv.slice(2);
const quick = args.includes('--quick');
const chosen = PARTS.filter((part) => args.includes(part));
const parts = chosen.length > 0 ? chosen : PARTS;
/** Odd numbers: of an even one the median would be a mean. */
const rounds = quick ? 3 : 7;
/** Many short ones: what else a machine does comes and goes in seconds, and hits one half of a round only. */
const commandRounds = quick ? 5 : 15;
const tell = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

if (!hasRedis()) {
  process.stderr.write('npm run bench compares with a real server: install redis-server and redis-benchmark first.\n');
  process.exit(1);
}
if (args.includes('--save')) findPlace();
const commit = currentCommit();
const { status } = spawnSync(process.execPath, ['scripts/build.mjs'], { stdio: 'inherit' });
if (status !== 0) process.exit(1);

const results: Results = { quick };
if (parts.includes('cli')) results.cli = benchCli({ rounds: 7 });
if (parts.includes('library')) results.library = await benchLibrary({ rounds: 50 });
if (parts.includes('cluster')) results.cluster = await benchCluster({ rounds, port: PORT });
if (parts.includes('reshard')) results.reshard = await benchReshard({ rounds, port: PORT + 30 });
if (parts.includes('commands')) {
  results.commands = await benchCommands(commandCases({ quick }), { rounds: commandRounds, port: PORT, tell });
}
if (parts.includes('memory')) results.memory = await benchMemory(quick ? 1_000_000 : 5_000_000, PORT + 50);
if (parts.includes('stall')) results.stall = await benchStalls({ elements: 1_000_000, rounds: 3, port: PORT + 70 });
if (parts.includes('expiry')) results.expiry = await benchExpiry(PORT + 60);
tell(summary(results));
if (args.includes('--save')) tell(save(results, commit));
