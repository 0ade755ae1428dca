/*
 * How a person can type what is suggested. Who suggests something may know a flag alone that would help: it is put into
 * the command that this process was started with, so that what is printed can be pasted. What a command is for stands
 * behind it as a comment, which a shell passes over.
 */

/** Letters of flags that are suggested by their names. */
const LETTERS: Readonly<Record<string, string>> = {
  '--config': '-c',
  '--host': '-h',
  '--password': '-a',
  '--port': '-p',
  '--timeout': '-t',
  '--uri': '-u',
};
const PASSWORDS = ['-a', '--pass', '--password'];

/** As this process was started: whoever came by npx has no `rkv` in the PATH. */
export function programName(): string {
  return process.env['npm_command'] === 'exec' ? 'npx rkv' : 'rkv';
}

/** A command of ours as this person can type it; anything else as it stands. */
export function asTyped(advice: string): string {
  const command = asCommand(advice);
  return command.startsWith('rkv ') ? `${programName()}${command.slice(3)}` : command;
}

/** `--port 7100     # why` becomes `rkv cluster create --port 7100     # why`. Anything but flags stays as it is. */
export function asCommand(advice: string, typed: readonly string[] = process.argv.slice(2)): string {
  if (!/^--?[a-z]/.test(advice)) return advice;
  const [, flags = '', comment = ''] = /^(.*?)( {2,}#.*)?$/s.exec(advice) ?? [];
  const words = flags.split(' ');
  const added = words.flatMap((word, i) => (word.startsWith('-') ? [{ flag: word, value: words[i + 1] }] : []));
  const kept = added.reduce<readonly string[]>(
    (left, { flag, value }) => without(left, flag, value?.startsWith('-') ? undefined : value),
    withoutSecrets(typed),
  );
  // What `rkv cli` sends begins with its first word that is no option.
  const at = kept[0] === 'cli' ? 1 : kept.includes('--') ? kept.indexOf('--') : kept.length;
  const all = [...kept.slice(0, at).map(quoted), flags, ...kept.slice(at).map(quoted)];
  return `rkv ${all.join(' ')}${comment}`;
}

/** The words but for `flag`, which is to get another value. Of directives, only the one that is set anew. */
function without(words: readonly string[], flag: string, value: string | undefined): readonly string[] {
  const names = [flag, LETTERS[flag] ?? flag];
  const directive = flag === '--config' ? value?.split('=')[0] : undefined;
  const left: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const name = names.find((one) => word === one || word.startsWith(`${one}=`));
    const old = name === undefined || word === name ? words[i + 1] : word.slice(name.length + 1);
    const isIt = name !== undefined && (directive === undefined || old?.split('=')[0] === directive);
    if (!isIt) left.push(word);
    else if (word === name && value !== undefined && !old?.startsWith('-')) i++;
  }
  return left;
}

/** What is printed may be kept in a log. */
function withoutSecrets(words: readonly string[]): readonly string[] {
  return words.map((word, i) => {
    if (PASSWORDS.includes(words[i - 1] ?? '')) return 'PASSWORD';
    const name = PASSWORDS.find((one) => word.startsWith(`${one}=`));
    return name === undefined ? word : `${name}=PASSWORD`;
  });
}

/** As a shell reads it as one word. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
