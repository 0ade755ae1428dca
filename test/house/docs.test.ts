import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import { importsOf, readSource } from '../../scripts/tidy/source.ts';

/* Documentation that is out of date is worse than none, so what can be checked about it is checked here. */

const ROOT = join(import.meta.dirname, '../..');
const PAGES = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
].filter((page) => existsSync(join(ROOT, page)));

test('the generated pages say what the tables say', () => {
  const { stdout, stderr, status } = spawnSync(process.execPath, [join(ROOT, 'scripts/docs.ts'), '--check'], {
    encoding: 'utf8',
  });
  expect({ stdout, stderr, status }).toEqual({ stdout: '', stderr: '', status: 0 });
});

describe.each(PAGES)('%s', (page) => {
  const text = read(page);

  test('every link leads to a file, and to a heading that it has', () => {
    const prose = text.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, '');
    const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] as string);
    const broken = links.filter((link) => !/^https?:/.test(link) && !leadsSomewhere(page, link));
    expect(broken).toEqual([]);
  });

  test('every file of ours that it names exists', () => {
    // The table of layers has places for files to come; tidy looks after it.
    const written = text.replace(/<!-- layers -->[\s\S]*<!-- \/layers -->/, '');
    expect(filesNamedIn(written).filter((file) => find(file) === null)).toEqual([]);
  });
});

describe('the walks of ARCHITECTURE.md', () => {
  const sections = read('ARCHITECTURE.md').split(/^## /m);
  const walks = sections.filter((section) => /^(?:A GET|A MEET|`cluster create`)/.test(section));

  test('there are three', () => {
    expect(walks).toHaveLength(3);
  });

  test.each(walks.map((walk) => [walk.split('\n')[0] as string, walk]))(
    '%s: each file once, down the imports',
    (_, walk) => {
      const lists = walk
        .split(/^\*\*/m)
        .slice(1)
        .map((list) => [...list.matchAll(/^\d+\. `([^`]+)`/gm)].map((match) => find(match[1] as string) as string));
      const files = lists.flat();
      expect(files.length).toBeGreaterThan(10);
      expect(new Set(files).size).toBe(files.length);
      const imported = new Set<string>();
      const unexplained: string[] = [];
      for (const list of lists) {
        for (const [index, file] of list.entries()) {
          // The first of a list is reached by a function or a record that was handed down; the text says by which.
          if (index > 0 && !imported.has(file)) unexplained.push(file);
          for (const path of importsFrom(file)) imported.add(path);
        }
      }
      expect(unexplained).toEqual([]);
    },
  );
});

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

function leadsSomewhere(page: string, link: string): boolean {
  const [path, anchor] = link.split('#') as [string, string?];
  const target = path === '' ? page : posix.normalize(posix.join(dirname(page), path));
  if (!existsSync(join(ROOT, target))) return false;
  if (anchor === undefined) return true;
  const headings = [...read(target).matchAll(/^#+ (.+)$/gm)].map((match) => anchorOf(match[1] as string));
  return headings.includes(anchor);
}

/** As GitHub makes them. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\- _]/gu, '')
    .replaceAll(' ', '-');
}

/** Paths with a folder in front: a bare name may be anybody's. */
function filesNamedIn(text: string): string[] {
  return [...text.matchAll(/`((?:[\w.-]+\/)+[\w.-]+\.(?:ts|tsx|js|mjs|txt|sh))`/g)].map((match) => match[1] as string);
}

/** Texts name files of src/ without it. */
function find(path: string): string | null {
  return [path, `src/${path}`, `src/server/${path}`].find((each) => existsSync(join(ROOT, each))) ?? null;
}

function importsFrom(file: string): string[] {
  const imports = importsOf(readSource(file, read(file))).map(({ specifier }) => specifier);
  return imports.filter((path) => path.startsWith('.')).map((path) => posix.normalize(posix.join(dirname(file), path)));
}
