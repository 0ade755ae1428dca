import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Flags } from '@oclif/core';
import { argumentBytes, bytesOf } from '../base/byte-text.ts';
import { BaseCommand, intervalFlag, passwordFlag, timeoutFlag } from '../base-command.ts';
import { CliSession, isConnectionError, type SessionOptions } from '../cluster/cli/cli-session.ts';
import { chooseServer, type ServerChoice } from '../cluster/cli/cli-target.ts';
import { splitLeadingOptions } from '../cluster/cli/leading-options.ts';
import { modeOfRedisCli } from '../cluster/cli/redis-cli-habits.ts';
import type { ScanOptions } from '../cluster/cli/scan-keys.ts';
import { defaultHome } from '../cluster/machine/layout.ts';
import { ConnectionError } from '../cluster/node/raw-client.ts';
import type { Reply } from '../cluster/node/reply.ts';
import { CliFailure, EXIT } from '../cluster/run/failure.ts';
import { endsServer, type Printer, printExchange, printUnasked } from '../view/exchange.ts';
import { formatReply, replyToJson } from '../view/reply-text.ts';

/** A server on this machine or in this building answers in milliseconds; more is a wrong address or a firewall. */
const CONNECT_TIMEOUT_MS = 5_000;
/** Before it is looked at whether a server that has not answered is frozen. */
const LOOK_FOR_PAUSE_MS = 300;

/** Ten, as SCAN has it unasked, would be a thousand round trips for ten thousand keys; the server stops for none of it. */
const SCAN_COUNT = 1000;

export default class Cli extends BaseCommand {
  static override summary = 'send commands to a server: one, a file of them, or at a prompt';
  static override description =
    'Prints replies exactly as redis-cli does, on a terminal and in a pipe. Without an address it talks to the cluster' +
    ' (see --cluster) and follows redirections; without any cluster, to 127.0.0.1:6379.\n\nOptions come before the' +
    ' command; from the first other word, everything belongs to the command. Without a command, a terminal gets a prompt,' +
    ' and otherwise each line of standard input is a command.';
  static override examples = [
    {
      description: 'Ask any node and follow redirections',
      command: '<%= config.bin %> cli -c -p 7000 GET greeting',
    },
    { description: 'Run a file of commands', command: '<%= config.bin %> cli -c -p 7000 < commands.txt' },
    { description: 'A prompt on the default cluster', command: '<%= config.bin %> cli' },
    { description: 'The reply as JSON', command: '<%= config.bin %> cli --json CONFIG GET maxmemory' },
    { description: 'Over TLS', command: '<%= config.bin %> cli -p 7000 --tls --cacert ca.crt PING' },
  ];
  static override usage = 'cli [OPTIONS] [COMMAND [ARGUMENT…]]';
  static override strict = false;

  static override flags = {
    host: Flags.string({ char: 'h', summary: 'address of the server', helpValue: 'HOST' }),
    port: Flags.integer({ char: 'p', summary: 'port of the server', min: 1, max: 65_535, helpValue: 'PORT' }),
    socket: Flags.string({ char: 's', summary: 'Unix socket of the server', helpValue: 'PATH' }),
    uri: Flags.string({ char: 'u', summary: 'redis:// or rediss:// URI', helpValue: 'URI' }),
    cluster: Flags.string({
      env: 'RKV_CLUSTER',
      summary: 'cluster to use: its name, or HOST:PORT of a node',
      helpValue: 'CLUSTER',
    }),
    follow: Flags.boolean({ char: 'c', summary: 'follow MOVED and ASK to other nodes' }),
    user: Flags.string({ summary: 'user name', helpValue: 'NAME' }),
    password: passwordFlag,
    db: Flags.integer({ char: 'n', default: 0, min: 0, summary: 'database number', helpValue: 'DB' }),
    resp2: Flags.boolean({ exclusive: ['resp3'], summary: 'use RESP2, the default (also -2)' }),
    resp3: Flags.boolean({ summary: 'use RESP3 (also -3)' }),
    tls: Flags.boolean({ summary: 'connect over TLS' }),
    cacert: Flags.string({ summary: 'file with the CA certificate', helpValue: 'FILE' }),
    cert: Flags.string({ summary: 'file with the client certificate', helpValue: 'FILE' }),
    key: Flags.string({ summary: 'file with the private key of the client certificate', helpValue: 'FILE' }),
    sni: Flags.string({ summary: 'TLS server name (SNI)', helpValue: 'NAME' }),
    insecure: Flags.boolean({ summary: 'do not verify the certificate of the server' }),
    raw: Flags.boolean({ allowNo: true, summary: 'print replies as raw bytes (the default in a pipe)' }),
    csv: Flags.boolean({ exclusive: ['raw'], summary: 'print each reply as one line of CSV' }),
    delimiter: Flags.string({
      char: 'd',
      default: '\n',
      defaultHelp: async () => 'newline',
      summary: 'separator between the items of a raw reply',
      helpValue: 'TEXT',
    }),
    'exit-code': Flags.boolean({ char: 'e', summary: 'exit with 1 when the reply is an error' }),
    repeat: Flags.integer({
      char: 'r',
      default: 1,
      min: -1,
      summary: 'run the command N times; -1 repeats forever',
      helpValue: 'N',
    }),
    interval: intervalFlag({ char: 'i', summary: 'time between repetitions (default: none)' }),
    scan: Flags.boolean({ summary: 'print the names of all keys; of a cluster, from every primary' }),
    pattern: Flags.string({ dependsOn: ['scan'], summary: 'with --scan: only names that match', helpValue: 'GLOB' }),
    count: Flags.integer({
      dependsOn: ['scan'],
      min: 1,
      summary: 'with --scan: keys that the server looks at for one batch',
      helpValue: 'N',
    }),
    // What it keeps redis-cli from saying is never said here; scripts give it with -a.
    'no-auth-warning': Flags.boolean({ hidden: true }),
    stdin: Flags.boolean({ char: 'x', summary: 'read the last argument from standard input' }),
    timeout: timeoutFlag({
      char: 't',
      defaultHelp: async () => '5',
      summary: 'how long to wait for the connection, and for the server to answer on it',
    }),
  };

  #words: string[] = [];

  override async init(): Promise<void> {
    const shapes = Object.entries({ ...Cli.baseFlags, ...Cli.flags }).map(([name, flag]) => ({
      name,
      char: flag.char,
      takesValue: flag.type === 'option',
    }));
    const { options, words } = splitLeadingOptions(this.argv, shapes);
    await refuseMode(options, this.argv);
    // oclif knows letters only.
    this.argv = options.map((word) => (word === '-2' ? '--resp2' : word === '-3' ? '--resp3' : word));
    this.#words = words;
    await super.init();
  }

  async run(): Promise<unknown> {
    const { flags } = await this.parse(Cli);
    const choice = await chooseServer(flags, flags.home ?? defaultHome());
    const printer = this.#printer(flags);
    const session = new CliSession(this.#sessionOptions(flags, choice, printer));
    try {
      if (flags.scan)
        return await this.#scan(session, printer, {
          pattern: flags.pattern,
          count: flags.count ?? SCAN_COUNT,
          isCluster: choice.cluster,
          choice,
        });
      if (this.#words.length > 0) return await this.#runOnce(session, printer, { ...flags, choice });
      if (this.jsonEnabled()) {
        throw new CliFailure('--json needs a command', {
          code: 'USAGE',
          exit: EXIT.usage,
          suggestions: ['rkv cli --json PING'],
        });
      }
      await this.#reach(session, choice);
      const { runLines, runPrompt } = await import('../view/repl.ts');
      const prompted = { session, printer, signal: this.signal };
      if (process.stdin.isTTY) {
        const { live, color } = this.stdout;
        await runPrompt(prompted, { historyFile: historyFile(flags.home ?? defaultHome()), hints: live && color });
      } else {
        const { failed, lost } = await runLines(process.stdin, prompted);
        if (failed && flags['exit-code']) process.exitCode = EXIT.unexpected;
        if (lost) process.exitCode = EXIT.unreachable;
      }
      return {};
    } finally {
      session.close();
    }
  }

  async #runOnce(
    session: CliSession,
    printer: Printer,
    flags: { stdin: boolean; repeat: number; interval: number | undefined; 'exit-code': boolean; choice: ServerChoice },
  ): Promise<unknown> {
    const words = argumentBytes(this.#words).map(bytesOf);
    if (flags.stdin) words.push(readFileSync(0));
    this.signal.addEventListener('abort', () => session.close(), { once: true });
    await this.#reach(session, flags.choice);
    let last: Reply | null = null;
    for (let done = 0; done !== flags.repeat && !this.signal.aborted; done++) {
      if (done > 0) await sleep(flags.interval ?? 0, undefined, { signal: this.signal }).catch(() => {});
      try {
        last = (await orPaused(printExchange(session, words, printer), session, flags.choice)).reply;
      } catch (error) {
        if (!isConnectionError(error)) throw error;
        // Also a subscription that Ctrl-C has left.
        if (this.signal.aborted || endsServer(words)) break;
        throw await lost(session, error, flags.choice);
      }
      if (last.type === 'error' && flags['exit-code']) process.exitCode = EXIT.unexpected;
    }
    const result = last === null ? { reply: null } : { reply: replyToJson(last) };
    if (this.jsonEnabled() && last?.type === 'error') this.endWith(refused(last.bytes.toString()), result);
    return result;
  }

  async #scan(
    session: CliSession,
    printer: Printer,
    { choice, ...options }: ScanOptions & { choice: ServerChoice },
  ): Promise<{ reply: unknown }> {
    this.signal.addEventListener('abort', () => session.close(), { once: true });
    await this.#reach(session, choice);
    const { scanKeys } = await import('../cluster/cli/scan-keys.ts');
    const names: unknown[] = [];
    try {
      for await (const batch of scanKeys(session, options)) {
        const keys = batch.map((bytes): Reply => ({ type: 'bulk', bytes }));
        // A name for a line; kept for the envelope alone, as there may be many.
        for (const key of keys) printer.write(formatReply(key, printer.style, printer));
        if (this.jsonEnabled()) names.push(...keys.map(replyToJson));
      }
    } catch (error) {
      if (!isConnectionError(error)) throw error;
      if (!this.signal.aborted) throw await lost(session, error, choice);
    }
    return { reply: names };
  }

  /** A server that cannot be reached is told in redis-cli's words, which people search for. */
  async #reach(session: CliSession, choice: ServerChoice): Promise<void> {
    try {
      await orPaused(session.connect(), session, choice);
    } catch (error) {
      throw isConnectionError(error) ? await unreachable(session, error, choice) : error;
    }
  }

  #printer(flags: { raw: boolean | undefined; csv: boolean; delimiter: string }): Printer {
    const isTTY = process.stdout.isTTY === true;
    const style = flags.csv ? 'csv' : (flags.raw ?? !isTTY) ? 'raw' : 'tty';
    const silent = this.quiet;
    return {
      style,
      delimiter: flags.delimiter,
      tellRedirects: style === 'tty' && this.#words.length === 0,
      write: (bytes) => {
        if (!silent) process.stdout.write(bytes);
      },
      complain: (text) => process.stderr.write(text),
    };
  }

  #sessionOptions(
    flags: { db: number; resp3: boolean; timeout: number | undefined },
    choice: ServerChoice,
    printer: Printer,
  ): SessionOptions {
    return {
      ...choice,
      db: choice.db ?? flags.db,
      protocol: flags.resp3 ? 3 : 2,
      connectTimeout_ms: flags.timeout ?? CONNECT_TIMEOUT_MS,
      mustAnswer: flags.timeout !== undefined,
      onUnasked: (reply) => printUnasked(reply, printer),
      onNotice: (text) => this.warn(text),
    };
  }
}

async function refuseMode(options: readonly string[], argv: readonly string[]): Promise<void> {
  if (modeOfRedisCli(options, argv) === null) return;
  const refused = modeOfRedisCli(options, argv, await placeFor(options))!;
  throw new CliFailure(`rkv cli does not have redis-cli's ${refused.mode}`, {
    code: 'USAGE',
    exit: EXIT.usage,
    suggestions: refused.commands,
  });
}

/** Where redis-cli finds the cluster that is meant; its own usual place where there is none. */
async function placeFor(options: readonly string[]): Promise<string[]> {
  const given = (flag: string): string | undefined => {
    const at = options.findLastIndex((word) => word === flag || word.startsWith(`${flag}=`));
    return at === -1 ? undefined : (options[at]!.split('=')[1] ?? options[at + 1]);
  };
  const { certificateFiles, clusterNames } = await import('../cluster/machine/layout.ts');
  const { findCluster } = await import('../cluster/topology/target.ts');
  const home = given('--home') ?? defaultHome();
  const name = given('--cluster') ?? process.env['RKV_CLUSTER'] ?? 'default';
  if (!clusterNames(home).includes(name)) return [];
  const { spec, folder, addresses } = findCluster({ home, name });
  const { ca, cert, key } = certificateFiles(folder);
  const tls = spec.tls ? ['--tls', '--cacert', ca, '--cert', cert, '--key', key] : [];
  return ['-h', spec.host, '-p', String(addresses[0]?.port ?? spec.port), ...tls];
}

function historyFile(home: string): string {
  return process.env['REDISCLI_HISTFILE'] || join(home, '.cli_history');
}

/** What is asked of a node of ours that is frozen would be waited for in vain. */
async function orPaused<Answer>(
  asking: Promise<Answer>,
  session: CliSession,
  { owner }: ServerChoice,
): Promise<Answer> {
  if (owner === undefined) return await asking;
  const answered = new AbortController();
  const frozen = sleep(LOOK_FOR_PAUSE_MS, undefined, { signal: answered.signal }).then(async () => {
    const { processOf } = await import('../cluster/machine/node-process.ts');
    if (processOf(owner.folder, session.address.port) !== 'paused') return await asking;
    throw new ConnectionError('its server is paused (SIGSTOP)');
  });
  // It loses the race as a rule, and then nobody listens to it.
  frozen.catch(() => {});
  try {
    return await Promise.race([asking, frozen]);
  } finally {
    answered.abort();
  }
}

async function unreachable(session: CliSession, error: ConnectionError, choice: ServerChoice): Promise<CliFailure> {
  return new CliFailure(`Could not connect to Redis at ${session.place}: ${error.message}`, {
    code: 'UNREACHABLE',
    exit: EXIT.unreachable,
    cause: error,
    ...(await reasonsFor(session, error, choice)),
  });
}

async function lost(session: CliSession, error: ConnectionError, choice: ServerChoice): Promise<CliFailure> {
  return new CliFailure(`lost ${session.place} before it answered: ${error.message}`, {
    code: 'CONNECTION_LOST',
    exit: EXIT.unreachable,
    cause: error,
    ...(await reasonsFor(session, error, choice)),
  });
}

/** Why, and what to type next. What the process of a node of ours is at says more than its port. */
async function reasonsFor(
  { address }: CliSession,
  error: ConnectionError,
  { owner, path, tls }: ServerChoice,
): Promise<{ why: string; suggestions: readonly string[] }> {
  const { explainTrouble } = await import('../cluster/node/connection-trouble.ts');
  const { withCluster } = await import('../cluster/topology/silent-nodes.ts');
  const trouble = await explainTrouble(error.cause instanceof Error ? error.cause : error, {
    ...address,
    tls: tls !== undefined || path !== undefined,
  });
  if (owner === undefined) return trouble;
  const { processOf } = await import('../cluster/machine/node-process.ts');
  const state = processOf(owner.folder, address.port);
  if (state === 'stopped') {
    return {
      why: 'its server does not run',
      suggestions: [withCluster(`rkv node start ${address.port}`, owner.name), `rkv cluster start ${owner.name}`],
    };
  }
  if (state !== 'paused') return trouble;
  return {
    why: 'its server is paused (SIGSTOP)',
    suggestions: [withCluster(`rkv node resume ${address.port}`, owner.name)],
  };
}

/** With --json the exit code alone must tell that the command was refused. */
function refused(text: string): CliFailure {
  return new CliFailure(text, { code: 'REPLY_ERROR', exit: EXIT.unexpected });
}
