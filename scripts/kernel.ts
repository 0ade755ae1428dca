/* `npm run kernel`: src/base/byte-kernel.wat becomes src/base/byte-kernel-module.ts. A test holds them together. */
import { readFileSync, writeFileSync } from 'node:fs';
import wabt from 'wabt';

const SOURCE = 'src/base/byte-kernel.wat';

const module = (await wabt()).parseWat(SOURCE, readFileSync(SOURCE, 'utf8'));
const code = Buffer.from(module.toBinary({}).buffer).toString('base64');
const lines = code.match(/.{1,110}/g)!.map((line) => `  '${line}',`);
writeFileSync(
  'src/base/byte-kernel-module.ts',
  `/* Made from byte-kernel.wat by \`npm run kernel\`. */\nexport const MODULE_BASE64 = [\n${lines.join('\n')}\n].join('');\n`,
);
