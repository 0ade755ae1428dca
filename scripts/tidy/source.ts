/*
 * A source file, as far as tidy understands it. There is no parser here: comments and the contents of strings are
 * blanked out, position by position, and what is left can be searched without being fooled by a word in a text. That
 * is enough for imports, braces and function lengths of code that a formatter has laid out.
 */

export interface Source {
  /** Relative to the project, with slashes. */
  readonly path: string;
  readonly text: string;
  /** `text` with comments and contents of strings blanked; the same length, so positions agree. */
  readonly code: string;
  /** `text` with everything but comments blanked. */
  readonly comments: string;
}

export interface Import {
  readonly specifier: string;
  readonly line: number;
  readonly isType: boolean;
  /** Loaded when it is reached, and so no part of a cycle at start-up. */
  readonly isDynamic: boolean;
  readonly isReexport: boolean;
}

export interface FunctionSpan {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
}

export function readSource(path: string, text: string): Source {
  const { code, comments } = split(text);
  return { path, text, code, comments };
}

export function lineAt(text: string, position: number): number {
  let line = 1;
  for (let i = text.indexOf('\n'); i !== -1 && i < position; i = text.indexOf('\n', i + 1)) line++;
  return line;
}

export function importsOf({ text, code }: Source): Import[] {
  const found: Import[] = [];
  const statement = /^[ \t]*(import|export)\b(\s+type\b)?(?:[^;'"`=()]*?\bfrom)?\s*(['"])/gm;
  const call = /\bimport\s*\(\s*(['"])/g;
  for (const match of code.matchAll(statement)) {
    const [whole, keyword, type] = match;
    found.push({
      specifier: quotedAt(text, match.index + whole.length),
      line: lineAt(text, match.index + whole.length),
      isType: type !== undefined,
      isDynamic: false,
      isReexport: keyword === 'export',
    });
  }
  for (const match of code.matchAll(call)) {
    const end = match.index + match[0].length;
    const isType = /\btypeof\s*$/.test(code.slice(0, match.index));
    found.push({
      specifier: quotedAt(text, end),
      line: lineAt(text, end),
      isType,
      isDynamic: true,
      isReexport: false,
    });
  }
  return found;
}

/** Every function with a body in braces, in no particular order. */
export function functionsOf({ code }: Source): FunctionSpan[] {
  const found: FunctionSpan[] = [];
  const open: { name: string | null; line: number }[] = [];
  let line = 1;
  for (let i = 0; i < code.length; i++) {
    const char = code[i];
    if (char === '\n') line++;
    else if (char === '{') {
      const head = headOfFunction(code, i);
      open.push(head === null ? { name: null, line } : { name: head.name, line: lineAt(code, head.start) });
    } else if (char === '}') {
      const start = open.pop();
      if (start?.name != null) found.push({ name: start.name, line: start.line, lines: line - start.line + 1 });
    }
  }
  return found;
}

const CONTROL = new Set(['if', 'for', 'while', 'switch', 'catch', 'with', 'await']);

/** Looks back from an opening brace: does it open the body of a function, and where does its head start? */
function headOfFunction(code: string, brace: number): { name: string; start: number } | null {
  let end = code.slice(0, brace).trimEnd().length;
  if (code.slice(end - 2, end) === '=>') return { name: nameOfArrow(code, end), start: startOfLine(code, end) };
  end = beforeReturnType(code, end);
  if (code[end - 1] !== ')') return null;
  const paren = matchBack(code, end - 1, '(', ')');
  const before = code.slice(Math.max(0, paren - 300), paren);
  if (/\bclass\b[^{};]*$/.test(before)) return null;
  const name = /([\w$#]+|\])\s*(?:<[^;{}()]*>)?\s*$/.exec(before)?.[1];
  if (name === undefined || CONTROL.has(name)) return null;
  return { name, start: startOfLine(code, paren) };
}

/** `): Promise<{ a: number }> {` ends, for us, right after the parenthesis. */
function beforeReturnType(code: string, end: number): number {
  if (code[end - 1] === ')') return end;
  const before = code.slice(Math.max(0, end - 400), end);
  const typed = /\)\s*:\s*[\w$.<>|&[\],?'"\s{}:;()=-]+$/;
  for (let from = before.lastIndexOf(')'); from !== -1; from = before.lastIndexOf(')', from - 1)) {
    const rest = before.slice(from);
    if (typed.test(rest) && isBalanced(rest.slice(1)) && !/\breturn\b/.test(rest)) return end - rest.length + 1;
    if (from === 0) break;
  }
  return end;
}

function isBalanced(text: string): boolean {
  let depth = 0;
  for (const char of text) {
    if (char === '{' || char === '(' || char === '[') depth++;
    else if (char === '}' || char === ')' || char === ']') depth--;
    else if (char === ';' && depth === 0) return false;
    if (depth < 0) return false;
  }
  return depth === 0;
}

function nameOfArrow(code: string, end: number): string {
  const head = code.slice(startOfLine(code, end), end);
  return /([\w$]+)\s*[=:(]/.exec(head.replace(/^\s*(?:export\s+)?(?:const|let)\s+/, ''))?.[1] ?? 'a function';
}

function startOfLine(code: string, position: number): number {
  return code.lastIndexOf('\n', position - 1) + 1;
}

function matchBack(code: string, position: number, opening: string, closing: string): number {
  let depth = 0;
  for (let i = position; i >= 0; i--) {
    if (code[i] === closing) depth++;
    else if (code[i] === opening && --depth === 0) return i;
  }
  return 0;
}

function quotedAt(text: string, start: number): string {
  const quote = text[start - 1] ?? "'";
  return text.slice(start, text.indexOf(quote, start));
}

/** A slash after one of these starts a regular expression and not a division. */
const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void|delete|throw|await))\s*$/;

function split(text: string): { code: string; comments: string } {
  const code = text.split('');
  const comments = text.split('');
  const blank = (target: string[], from: number, to: number): void => {
    for (let i = from; i < to; i++) if (target[i] !== '\n') target[i] = ' ';
  };
  /** Braces that are open in each `${` we are inside of; a closing brace at zero returns to the template. */
  const templates: number[] = [];
  let copied = 0;
  /** Everything from `copied` to `to` was code. */
  const passCode = (to: number): void => {
    blank(comments, copied, to);
    copied = to;
  };
  /** The piece from `from` to `to` is a literal: in neither text, but for its quotes. */
  const passLiteral = (from: number, to: number): void => {
    passCode(to);
    blank(code, from + 1, to - 1);
  };
  let i = 0;
  while (i < text.length) {
    const char = text[i] as string;
    const next = text[i + 1];
    let end = i + 1;
    if (char === '/' && (next === '/' || next === '*')) {
      passCode(i);
      end = next === '/' ? endOr(text, '\n', i) : endOr(text, '*/', i + 2) + 2;
      blank(code, i, Math.min(end, text.length));
      copied = end;
    } else if (char === "'" || char === '"') {
      end = endOfString(text, i, char);
      passLiteral(i, end);
    } else if (char === '/' && BEFORE_REGEX.test(text.slice(Math.max(0, i - 20), i))) {
      end = endOfRegex(text, i);
      passLiteral(i, end);
    } else if (char === '`' || (char === '}' && templates.at(-1) === 0)) {
      if (char === '}') templates.pop();
      end = endOfTemplatePiece(text, i + 1);
      passLiteral(i, end);
      if (text[end - 1] === '{') templates.push(0);
    } else if (templates.length > 0 && (char === '{' || char === '}')) {
      templates.push((templates.pop() as number) + (char === '{' ? 1 : -1));
    }
    i = end;
  }
  passCode(text.length);
  return { code: code.join(''), comments: comments.join('') };
}

function endOr(text: string, word: string, from: number): number {
  const found = text.indexOf(word, from);
  return found === -1 ? text.length : found;
}

/** A string ends with its line at the latest: an apostrophe in the text of a component must not hide the rest. */
function endOfString(text: string, start: number, quote: string): number {
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === quote) return i + 1;
    else if (text[i] === '\n') return i;
  }
  return text.length;
}

function endOfRegex(text: string, start: number): number {
  let inClass = false;
  for (let i = start + 1; i < text.length; i++) {
    const char = text[i];
    if (char === '\\') i++;
    else if (char === '\n') return start + 1;
    else if (char === '[') inClass = true;
    else if (char === ']') inClass = false;
    else if (char === '/' && !inClass) return i + 1;
  }
  return start + 1;
}

/** Up to and with the closing backtick, or the brace of the next `${`. */
function endOfTemplatePiece(text: string, start: number): number {
  for (let i = start; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '`') return i + 1;
    else if (text[i] === '$' && text[i + 1] === '{') return i + 2;
  }
  return text.length;
}
