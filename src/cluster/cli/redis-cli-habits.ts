/* What people type who know redis-cli, its `--cluster` and its modes, and what does it here. */

type Instead = (words: readonly string[]) => readonly string[];

const INSTEAD: Readonly<Record<string, Instead>> = {
  create: (words) => [`rkv cluster create ${words.join(' ')}`.replace('--cluster-replicas', '--replicas')],
  check: ([at = 'HOST:PORT']) => [`rkv verify ${at}`],
  info: ([at = 'HOST:PORT']) => [`rkv status ${at}`],
  'add-node': ([node = 'HOST:PORT', at = 'HOST:PORT']) => [`rkv node add ${node} --cluster ${at}`],
  'del-node': ([at = 'HOST:PORT', id = 'NODE']) => [`rkv node remove ${id} --cluster ${at}`],
  call: ([at = 'HOST:PORT', ...command]) => [`rkv cli --cluster ${at} ${command.join(' ')}`.trim(), `rkv status ${at}`],
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

/** Options of redis-cli that rkv cli has not, each with what does it; '' stands for redis-cli itself. */
const MODES: Readonly<Record<string, readonly string[]>> = {
  '--bigkeys': [''],
  '--memkeys': [''],
  '--memkeys-samples': [''],
  '--hotkeys': [''],
  '--stat': ['rkv watch', ''],
  '--latency': [''],
  '--latency-history': [''],
  '--latency-dist': [''],
  '--intrinsic-latency': [''],
  '--lru-test': [''],
  '--rdb': [''],
  '--functions-rdb': [''],
  '--replica': ['rkv cli MONITOR', ''],
  '--slave': ['rkv cli MONITOR', ''],
  '--pipe': ['rkv cli < commands.txt     # one command a line', ''],
  '--pipe-timeout': ['rkv cli < commands.txt     # one command a line', ''],
  '--eval': ['rkv cli EVAL "$(cat FILE)" NUMKEYS KEY… ARG…     # where the server has EVAL', ''],
  '--ldb': [''],
  '--ldb-sync-mode': [''],
  '-X': ['rkv cli -x     # the last argument from standard input', ''],
  '-D': ['rkv cli -d TEXT', ''],
  '--quoted-input': ['printf \'SET "\\x00" value\' | rkv cli     # lines of a pipe may have quotes', ''],
  '--quoted-pattern': ['rkv cli --scan --pattern PATTERN', ''],
  '--quoted-json': ['rkv cli --json'],
  '--show-pushes': [''],
  '--askpass': ['read -rs RKV_PASSWORD; export RKV_PASSWORD'],
  '--cacertdir': ['rkv cli --tls --cacert FILE', ''],
  '--tls-ciphers': [''],
  '--tls-ciphersuites': [''],
  '--verbose': [''],
  '--version': ['rkv --version'],
  '-v': ['rkv --version'],
};

/**
 * The first of the options of `rkv cli` that only redis-cli has, and what to type instead; null without any. `place` are
 * the words that lead redis-cli to the server that is meant where none is named.
 */
export function modeOfRedisCli(
  options: readonly string[],
  argv: readonly string[],
  place: readonly string[] = [],
): { mode: string; commands: readonly string[] } | null {
  const names = options.map((word) => word.split('=', 1)[0] as string);
  const mode = names.find((name) => Object.hasOwn(MODES, name));
  if (mode === undefined) return null;
  const commands = (MODES[mode] as readonly string[]).map((command) => command || asRedisCli(argv, place));
  return { mode, commands };
}

/** The same words for redis-cli: without the password, and with the place that only rkv knows. */
function asRedisCli(argv: readonly string[], place: readonly string[]): string {
  const words: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string;
    if (/^(-a|--pass|--password|--cluster|--home)$/.test(word)) i++;
    else if (!/^(--pass|--password|--cluster|--home)=|^--(json|quiet|debug)$/.test(word)) words.push(word);
  }
  const hasPlace = words.some((word) => /^(-[hpsu]|--(host|port|socket|uri))(=|$)/.test(word));
  const short = words.map((word) => word.replace(/^--(host|port|socket|uri)$/, (_, name: string) => `-${name[0]}`));
  return ['redis-cli', ...(hasPlace ? [] : place), ...short].join(' ');
}
