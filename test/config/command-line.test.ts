import { expect, test } from 'vitest';
import { parseCommandLine } from '../../src/config/command-line.ts';

test('the command line becomes lines of configuration', () => {
  const rows: [string[], string | null, boolean, string[]][] = [
    [[], null, false, []],
    [['x.conf'], 'x.conf', false, []],
    [['--port', '7000'], null, false, ['port "7000"']],
    [['x.conf', '--port', '7000', '--hz', '5'], 'x.conf', false, ['port "7000"', 'hz "5"']],
    [['--save', '900', '1', '60', '2'], null, false, ['save "900" "1" "60" "2"']],
    [['--save', ''], null, false, ['save ""']],
    [['--save'], null, false, ['save ""']],
    [['--save', '--port', '1'], null, false, ['save ""', 'port "1"']],
    [['--port 7000', '--hz 5'], null, false, ['port 7000', 'hz 5']],
    [['--requirepass', '--secret', '--port', '1'], null, false, ['requirepass "--secret"', 'port "1"']],
    [['--requirepass', 'a\n"b'], null, false, ['requirepass "a\\n\\"b"']],
    [['-'], null, true, []],
    [['-', '--port', '1'], null, true, ['port "1"']],
    [['x.conf', '--port', '1', '-'], 'x.conf', true, ['port "1"']],
    [['x.conf', '-', '--port', '1'], 'x.conf', false, ['"-"', 'port "1"']],
    [['--logfile', '-', '--port', '1'], null, false, ['logfile "-"', 'port "1"']],
    [['x.conf', 'stray'], 'x.conf', false, ['"stray"']],
  ];
  for (const [argv, file, readsStdin, lines] of rows) {
    expect(parseCommandLine(argv), argv.join(' ')).toEqual({ file, readsStdin, lines });
  }
});
