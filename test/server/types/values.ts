import type { Values } from '../../../src/server/types/list-value.ts';

/** As the arguments of a request lie, one behind the other. */
export function valuesOf(texts: readonly string[]): Values {
  const off = new Int32Array(texts.length);
  const len = new Int32Array(texts.length);
  let at = 0;
  texts.forEach((text, i) => {
    off[i] = at;
    len[i] = text.length;
    at += text.length;
  });
  return { buf: Buffer.from(texts.join(''), 'latin1'), off, len };
}
