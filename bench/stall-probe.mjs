/*
 * Preloaded into a server: measures the longest turn of its event loop. Counted in CPU time of the thread, so that other
 * processes that take the core away do not count as a stall. SIGUSR2 prints the figure and starts anew.
 */
let last_us = 0;
let longest_us = 0;
function turn() {
  const { user, system } = process.threadCpuUsage();
  const now_us = user + system;
  longest_us = Math.max(longest_us, now_us - last_us);
  last_us = now_us;
  const next = setImmediate(turn);
  next.unref();
}
setTimeout(turn, 500).unref();
process.on('SIGUSR2', () => {
  process.stdout.write(`\nlongest turn ${longest_us} us\n`);
  longest_us = 0;
});
