import { BaseCommand } from '../base-command.ts';

export default class Server extends BaseCommand {
  static override summary = 'run one bundled server in the foreground';
  static override description =
    'Takes the arguments of redis-server: a redis.conf, then any number of directives as options. Runs until Ctrl-C or' +
    ' SIGTERM, and then saves as redis-server does.';
  static override examples = [
    '<%= config.bin %> server',
    { description: 'An existing configuration', command: '<%= config.bin %> server /etc/redis/redis.conf --port 7777' },
    {
      description: 'A replica of it',
      command: '<%= config.bin %> server --port 7778 --replicaof 127.0.0.1 7777',
    },
    { description: 'Configuration from a pipe', command: "echo 'port 7779' | <%= config.bin %> server -" },
  ];
  static override usage = 'server [REDIS.CONF] [--DIRECTIVE VALUE…]…';
  static override strict = false;
  // Every option belongs to the server, also one that is called --json.
  static override enableJsonFlag = false;
  static override baseFlags = {} as typeof BaseCommand.baseFlags;

  override async init(): Promise<void> {
    // Signals are the server's, too.
  }

  async run(): Promise<void> {
    // oclif wants to have parsed; the words themselves go on untouched.
    const words = [...this.argv];
    await this.parse(Server, []);
    const { runForeground } = await import('../cluster/machine/foreground.ts');
    process.exitCode = await runForeground(words);
  }
}
