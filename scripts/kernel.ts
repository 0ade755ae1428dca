/* `npm run kernel`: src/base/byte-kernel.wat becomes src/base/byte-kernel-module.ts. `-- --check` only looks. */
import { readFileSync, writeFileSync } from 'node:fs';
import { assemble } from './kernel/assemble.ts';

const SOURCE = 'src/base/byte-kernel.wat';
const MODULE = 'src/base/byte-kernel-module.ts';

const code = Buffer.from(assemble(readFileSync(SOURCE, 'utf8'))).toString('base64');
const lines = code.match(/.{1,110}/g)!.map((line) => `  '${line}',`);
const text = `/* Made from byte-kernel.wat by \`npm run kernel\`. */
export const MODULE_BASE64 = [
${lines.join('\n')}
].join('');
`;

if (!process.argv.includes('--check')) {
  writeFileSync(MODULE, text);
} else if (readFileSync(MODULE, 'utf8') !== text) {
  process.stderr.write(`${MODULE} is not what ${SOURCE} says: run npm run kernel\n`);
  process.exit(1);
}
