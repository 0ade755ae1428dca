/*
 * Inline commands: a line of words, as a person types it into telnet. Words may be quoted: "…" knows \n \r \t \b \a, \xHH
 * and \<any>; '…' knows only \'. A closing quote must be followed by a space or the end (spec: resp.md, section 1).
 */

/** The words of `line` in latin1, or null when its quotes do not balance. */
export function splitInline(line: string): string[] | null {
  // Redis reads it as C does: up to the first zero byte.
  const zero = line.indexOf('\0');
  if (zero >= 0) return splitInline(line.slice(0, zero));
  const words: string[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && isSpace(line[at]!)) at++;
    if (at >= line.length) return words;
    const word = readWord(line, at);
    if (word === null) return null;
    words.push(word.text);
    at = word.next;
  }
}

interface Word {
  text: string;
  next: number;
}

function readWord(line: string, from: number): Word | null {
  let text = '';
  let at = from;
  while (at < line.length && !endsWord(line[at]!)) {
    const char = line[at]!;
    if (char === '"' || char === "'") {
      const quoted = char === '"' ? readDoubleQuoted(line, at + 1) : readSingleQuoted(line, at + 1);
      if (quoted === null) return null;
      if (quoted.next < line.length && !isSpace(line[quoted.next]!)) return null;
      return { text: text + quoted.text, next: quoted.next };
    }
    text += char;
    at++;
  }
  return { text, next: at };
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' };

function readDoubleQuoted(line: string, from: number): Word | null {
  let text = '';
  for (let at = from; at < line.length; at++) {
    const char = line[at]!;
    if (char === '"') return { text, next: at + 1 };
    if (char !== '\\' || at + 1 >= line.length) {
      text += char;
      continue;
    }
    const hex = line.slice(at + 2, at + 4);
    if (line[at + 1] === 'x' && /^[0-9a-fA-F]{2}$/.test(hex)) {
      text += String.fromCharCode(Number.parseInt(hex, 16));
      at += 3;
    } else {
      text += ESCAPES[line[at + 1]!] ?? line[at + 1]!;
      at += 1;
    }
  }
  return null;
}

function readSingleQuoted(line: string, from: number): Word | null {
  let text = '';
  for (let at = from; at < line.length; at++) {
    const char = line[at]!;
    if (char === "'") return { text, next: at + 1 };
    if (char === '\\' && line[at + 1] === "'") {
      text += "'";
      at += 1;
    } else {
      text += char;
    }
  }
  return null;
}

/** What may stand in front of a word, and behind a closing quote. */
function isSpace(char: string): boolean {
  return char === ' ' || (char >= '\t' && char <= '\r');
}

/** Vertical tabs and form feeds do not. */
function endsWord(char: string): boolean {
  return isSpace(char) && char !== '\v' && char !== '\f';
}
