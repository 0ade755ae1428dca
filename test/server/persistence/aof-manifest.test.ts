import { describe, expect, it } from 'vitest';
import { formatManifest, ManifestFailure, parseManifest } from '../../../src/server/persistence/aof-manifest.ts';

const parse = (text: string) => parseManifest(Buffer.from(text, 'latin1'), 'the.manifest');

function problemOf(text: string): string {
  try {
    parse(text);
    return 'none';
  } catch (failure) {
    if (!(failure instanceof ManifestFailure)) throw failure;
    return failure.problem;
  }
}

describe('the AOF manifest', () => {
  it('reads base, history and increments, whatever the case of the keys and beside keys it does not know', () => {
    const manifest = parse(
      'file appendonly.aof.2.base.rdb seq 2 type b\n# a remark\nFILE a.1.incr.aof SEQ 1 TYPE h\n' +
        'file a.2.incr.aof seq 2 type i startoffset 12\n',
    );
    expect(manifest).toEqual({
      base: { name: 'appendonly.aof.2.base.rdb', seq: 2, type: 'b' },
      history: [{ name: 'a.1.incr.aof', seq: 1, type: 'h' }],
      incr: [{ name: 'a.2.incr.aof', seq: 2, type: 'i' }],
    });
  });

  it('writes what it read, in the order base, history, increments', () => {
    const text =
      'file "my \\"log\\".2.base.rdb" seq 2 type b\nfile a.1.incr.aof seq 1 type h\nfile a.2.incr.aof seq 2 type i\n';
    expect(formatManifest(parse(text))).toBe(text);
  });

  it('quotes a name of bytes beyond ASCII and reads it back', () => {
    const manifest = { base: { name: 'gr\xc3\xb6\xff.aof', seq: 1, type: 'b' as const }, history: [], incr: [] };
    expect(formatManifest(manifest)).toBe('file "gr\\xc3\\xb6\\xff.aof" seq 1 type b\n');
    expect(parse(formatManifest(manifest))).toEqual(manifest);
  });

  it.each([
    ['', 'Found an empty AOF manifest'],
    ['\n', 'Invalid AOF manifest file format'],
    ['file a seq 1 type b', 'The AOF manifest file contains too long line'],
    [`file ${'a'.repeat(1024)} seq 1 type b\n`, 'The AOF manifest file contains too long line'],
    ['file a seq 1\n', 'Invalid AOF manifest file format'],
    ['file a seq 1 type\n', 'Invalid AOF manifest file format'],
    ['file a seq 0 type b\n', 'Invalid AOF manifest file format'],
    ['file a seq -1 type b\n', 'Invalid AOF manifest file format'],
    ['file "a seq 1 type b\n', 'Invalid AOF manifest file format'],
    ['file a seq 1 typo b\n', 'Invalid AOF manifest file format'],
    ['file ../a seq 1 type b\n', "File can't be a path, just a filename"],
    ['file a seq 1 type b\nfile b seq 2 type b\n', 'Found duplicate base file information'],
    ['file a seq 2 type i\nfile b seq 2 type i\n', 'Found a non-monotonic sequence number'],
    ['file a seq 1 type x\n', 'Unknown AOF file type'],
  ])('refuses %j: %s', (text, problem) => {
    expect(problemOf(text)).toBe(problem);
  });

  it('says in which line and at which byte', () => {
    expect(() => parse('file a seq 1 type b\nfile b seq 1 type z\n')).toThrow(
      "the.manifest: line 2, byte 20: Unknown AOF file type: 'file b seq 1 type z'",
    );
  });
});
