/*
 * Preloaded into a server: measures the longest turn of its event loop. Counted in CPU time of the thread, so that other
 * processes that take the core away do not count as a stall. SIGUSR2 prints the figure and starts anew.
 */
/** By then the server has started, which takes turns of its own kind. */
const START_MS = 500;

let last_us = 0;
let longest_us = 0;

function cpu_us() {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

function turn() {
  const now_us = cpu_us();
  longest_us = Math.max(longest_us, now_us - last_us);
  last_us = now_us;
  setImmediate(turn).unref();
}

setTimeout(() => {
  last_us = cpu_us();
  turn();
}, START_MS).unref();
process.on('SIGUSR2', () => {
  process.stdout.write(`\nlongest turn ${longest_us} us\n`);
  longest_us = 0;
});
