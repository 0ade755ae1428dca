/* What people type who know `redis-cli --cluster`, and what does it here. */

type Instead = (words: readonly string[]) => readonly string[];

const INSTEAD: Readonly<Record<string, Instead>> = {
  create: (words) => [`rkv cluster create ${words.join(' ')}`.replace('--cluster-replicas', '--replicas')],
  check: ([at = 'HOST:PORT']) => [`rkv verify ${at}`],
  info: ([at = 'HOST:PORT']) => [`rkv status ${at}`],
  'add-node': ([node = 'HOST:PORT', at = 'HOST:PORT']) => [`rkv node add ${node} --cluster ${at}`],
  'del-node': ([at = 'HOST:PORT', id = 'NODE']) => [`rkv node remove ${id} --cluster ${at}`],
  call: ([at = 'HOST:PORT', ...command]) => [`rkv cli -h HOST -p PORT ${command.join(' ')}`.trim(), `rkv status ${at}`],
  fix: byRedisCli('fix'),
  reshard: byRedisCli('reshard'),
  rebalance: byRedisCli('rebalance'),
  'set-timeout': byRedisCli('set-timeout'),
  import: byRedisCli('import'),
  backup: byRedisCli('backup'),
  help: () => ['rkv --help'],
};

/** Commands that do what `redis-cli --cluster <sub> <words>` does; null when `sub` is none of its subcommands. */
export function insteadOfRedisCli(
  sub: string,
  words: readonly string[],
): { commands: readonly string[]; isOwn: boolean } | null {
  if (!Object.hasOwn(INSTEAD, sub)) return null;
  const commands = (INSTEAD[sub] as Instead)(words);
  return { commands, isOwn: commands.every((command) => !command.startsWith('redis-cli')) };
}

/** rkv has no such command yet; redis-cli's own works on any cluster. */
function byRedisCli(sub: string): Instead {
  return (words) => [`redis-cli --cluster ${sub} ${words.join(' ')}`.trim()];
}
