/** What a stream can show, decided in one place from the stream and the environment. */
export interface Terminal {
  readonly columns: number;
  readonly color: boolean;
  readonly unicode: boolean;
  /** Lines may be redrawn: a person is looking, and the terminal can move its cursor. */
  readonly live: boolean;
  /** Long values may be cut: someone sees them now, nobody will search them later. */
  readonly cut: boolean;
}

interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Enough for every table, and what most tools assume where nobody says otherwise. */
const COLUMNS_DEFAULT = 80;

export function describeTerminal(stream: Stream, env: Environment, { wide = false } = {}): Terminal {
  const isTTY = stream.isTTY === true;
  const dumb = env['TERM'] === 'dumb';
  const fromEnv = Number(env['COLUMNS']);
  const columns = (isTTY ? stream.columns : undefined) || (fromEnv > 0 ? fromEnv : 0) || COLUMNS_DEFAULT;
  return {
    columns: wide ? Math.max(columns, 160) : columns,
    color: wantsColor(env, isTTY && !dumb),
    unicode: speaksUtf8(env),
    live: isTTY && !dumb && !isSet(env['CI']),
    cut: isTTY && !wide,
  };
}

/** NO_COLOR and FORCE_COLOR are promises to the user; the last word is FORCE_COLOR's, as elsewhere in Node. */
function wantsColor(env: Environment, byDefault: boolean): boolean {
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  if (env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '') return false;
  return byDefault;
}

function speaksUtf8(env: Environment): boolean {
  if (process.platform === 'win32') return env['WT_SESSION'] !== undefined || env['TERM_PROGRAM'] !== undefined;
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  // No locale at all is a container or a CI job, and what reads those logs speaks UTF-8; 'C' and 'POSIX' are a choice.
  return locale === '' || /utf-?8/i.test(locale);
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0' && value !== 'false';
}
