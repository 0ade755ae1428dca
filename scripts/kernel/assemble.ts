/*
 * WebAssembly's text format to its binary format, as much of it as src/base/byte-kernel.wat uses: one memory, functions
 * with names, and instructions written as expressions. What it does not know it refuses; what it writes, the engine
 * validates when it is loaded. Layout of a module: https://webassembly.github.io/spec/core/binary
 */

type Expression = string | Expression[];

interface Scope {
  readonly functions: ReadonlyMap<string, number>;
  readonly locals: Map<string, number>;
  /** Names of the enclosing blocks and loops, the innermost last. */
  readonly labels: string[];
}

const TYPES: Readonly<Record<string, number>> = { i32: 0x7f, i64: 0x7e };
const NO_RESULT = 0x40;

/** Instructions without operands of their own in the binary. */
// biome-ignore format: a table
const PLAIN: Readonly<Record<string, number>> = {
  return: 0x0f,
  'i32.eqz': 0x45, 'i32.eq': 0x46, 'i32.ne': 0x47, 'i32.lt_s': 0x48, 'i32.lt_u': 0x49, 'i32.gt_s': 0x4a, 'i32.gt_u': 0x4b,
  'i32.le_s': 0x4c, 'i32.le_u': 0x4d, 'i32.ge_s': 0x4e, 'i32.ge_u': 0x4f, 'i64.eqz': 0x50,
  'i32.add': 0x6a, 'i32.sub': 0x6b, 'i32.mul': 0x6c, 'i32.and': 0x71, 'i32.or': 0x72, 'i32.xor': 0x73,
  'i32.shl': 0x74, 'i32.shr_s': 0x75, 'i32.shr_u': 0x76,
  'i64.ctz': 0x7a, 'i64.sub': 0x7d, 'i64.and': 0x83, 'i64.xor': 0x85, 'i64.shr_u': 0x88,
  'i32.wrap_i64': 0xa7, 'i64.extend_i32_u': 0xad,
};

/** Opcode, and the power of two that an access is aligned to at least. */
const MEMORY: Readonly<Record<string, readonly [opcode: number, alignment: number]>> = {
  'i32.load': [0x28, 0],
  'i64.load': [0x29, 0],
  'i32.load8_u': [0x2d, 0],
  'i32.store': [0x36, 0],
  'i64.store': [0x37, 0],
  'i32.store8': [0x3a, 0],
};

const WITH_INDEX: Readonly<Record<string, number>> = {
  'local.get': 0x20,
  'local.set': 0x21,
  'local.tee': 0x22,
};

export function assemble(text: string): Uint8Array {
  const module = parse(text);
  if (module[0] !== 'module') throw new Error('a module is expected');
  const parts = module.slice(1) as Expression[][];
  const memory = parts.filter(([kind]) => kind === 'memory');
  const functions = parts.filter(([kind]) => kind === 'func');
  if (memory.length !== 1 || functions.length + 1 !== parts.length) throw new Error('one memory and functions only');
  const names = new Map(functions.map((one, i) => [one[1] as string, i]));
  const exports = [
    exportOf(memory[0]!, 0x02, 0),
    ...functions
      .filter((one) => listed(one, 'export').length > 0)
      .map((one) => exportOf(one, 0x00, names.get(one[1] as string)!)),
  ];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(0x01, vector(functions.map(typeOf))),
    ...section(0x03, vector(functions.map((_, i) => unsigned(i)))),
    ...section(0x05, vector([[0x00, ...unsigned(Number(memory[0]!.at(-1)))]])),
    ...section(0x07, vector(exports)),
    ...section(0x0a, vector(functions.map((one) => sized(bodyOf(one, names))))),
  ]);
}

function parse(text: string): Expression[] {
  const tokens = text.replace(/;;.*$/gm, '').match(/[()]|"[^"]*"|[^\s()"]+/g) ?? [];
  const open: Expression[][] = [[]];
  for (const token of tokens) {
    if (token === '(') {
      open.push([]);
    } else if (token === ')') {
      const done = open.pop()!;
      if (open.length === 0) throw new Error('a parenthesis too many');
      open.at(-1)!.push(done);
    } else {
      open.at(-1)!.push(token);
    }
  }
  if (open.length !== 1) throw new Error('a parenthesis is not closed');
  return open[0]![0] as Expression[];
}

/** The parts of a function that begin with this word. */
function listed(one: readonly Expression[], word: string): string[][] {
  return one.filter((part): part is string[] => Array.isArray(part) && part[0] === word);
}

function exportOf(one: readonly Expression[], kind: number, index: number): number[] {
  const name = [...Buffer.from(listed(one, 'export')[0]![1]!.slice(1, -1))];
  return [...sized(name), kind, ...unsigned(index)];
}

function typeOf(one: readonly Expression[]): number[] {
  const parameters = listed(one, 'param').map(([, , type]) => [TYPES[type!]!]);
  const results = listed(one, 'result').map(([, type]) => [TYPES[type!]!]);
  return [0x60, ...vector(parameters), ...vector(results)];
}

function bodyOf(one: readonly Expression[], functions: ReadonlyMap<string, number>): number[] {
  const parameters = listed(one, 'param');
  const locals = listed(one, 'local');
  const scope: Scope = {
    functions,
    locals: new Map([...parameters, ...locals].map(([, name], i) => [name!, i])),
    labels: [],
  };
  const first = one.findIndex(
    (part, i) => i > 1 && !['export', 'param', 'result', 'local'].includes(part[0] as string),
  );
  const declared = vector(locals.map(([, , type]) => [1, TYPES[type!]!]));
  return [...declared, ...all(one.slice(first), scope), 0x0b];
}

function all(instructions: readonly Expression[], scope: Scope): number[] {
  return instructions.flatMap((one) => instruction(one as Expression[], scope));
}

function instruction([name, ...rest]: readonly Expression[], scope: Scope): number[] {
  const word = name as string;
  if (word === 'block' || word === 'loop') {
    const inside = { ...scope, labels: [...scope.labels, rest[0] as string] };
    return [word === 'block' ? 0x02 : 0x03, NO_RESULT, ...all(rest.slice(1), inside), 0x0b];
  }
  if (word === 'if') return condition(rest as Expression[][], scope);
  if (word === 'br' || word === 'br_if') {
    const depth = scope.labels.length - 1 - scope.labels.lastIndexOf(rest[0] as string);
    if (depth === scope.labels.length) throw new Error(`no block ${rest[0]}`);
    return [...all(rest.slice(1), scope), word === 'br' ? 0x0c : 0x0d, ...unsigned(depth)];
  }
  if (word === 'i32.const') return [0x41, ...signed(BigInt.asIntN(32, BigInt(rest[0] as string)))];
  if (word === 'i64.const') return [0x42, ...signed(BigInt.asIntN(64, BigInt(rest[0] as string)))];
  if (word === 'call') return [...all(rest.slice(1), scope), 0x10, ...unsigned(found(scope.functions, rest[0]))];
  if (word === 'memory.fill') return [...all(rest, scope), 0xfc, 0x0b, 0x00];
  const withIndex = WITH_INDEX[word];
  if (withIndex !== undefined)
    return [...all(rest.slice(1), scope), withIndex, ...unsigned(found(scope.locals, rest[0]))];
  const access = MEMORY[word];
  if (access !== undefined) {
    const offset = typeof rest[0] === 'string' ? Number(rest[0].replace('offset=', '')) : 0;
    return [...all(rest.filter(Array.isArray), scope), ...access, ...unsigned(offset)];
  }
  const plain = PLAIN[word];
  if (plain === undefined) throw new Error(`unknown instruction ${word}`);
  return [...all(rest, scope), plain];
}

/** `(if (condition) (then …) (else …))` */
function condition([asked, then, otherwise]: readonly Expression[][], scope: Scope): number[] {
  const inside = { ...scope, labels: [...scope.labels, ''] };
  const no = otherwise === undefined ? [] : [0x05, ...all(otherwise.slice(1), inside)];
  return [...instruction(asked!, scope), 0x04, NO_RESULT, ...all(then!.slice(1), inside), ...no, 0x0b];
}

function found(names: ReadonlyMap<string, number>, name: Expression | undefined): number {
  const index = names.get(name as string);
  if (index === undefined) throw new Error(`nothing is named ${name}`);
  return index;
}

function section(id: number, bytes: number[]): number[] {
  return [id, ...sized(bytes)];
}

function vector(items: readonly number[][]): number[] {
  return [...unsigned(items.length), ...items.flat()];
}

function sized(bytes: readonly number[]): number[] {
  return [...unsigned(bytes.length), ...bytes];
}

/** LEB128: seven bits a byte, the lowest first. */
function unsigned(value: number): number[] {
  return value < 128 ? [value] : [128 | (value & 127), ...unsigned(value >>> 7)];
}

function signed(value: bigint): number[] {
  if (value >= -64n && value < 64n) return [Number(value & 127n)];
  return [128 | Number(value & 127n), ...signed(value >> 7n)];
}
