/*
 * Configuration files are plain text with {{variables}}; inside here they are byte texts (base/byte-text.ts), so a template
 * in whatever encoding comes out as it was. The renderer is strict: a variable nobody gave, and a directive
 * that the server does not know, fail here with file and line, and not in the log of a process that died.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fromByteText, toByteText } from '../../base/byte-text.ts';
import { quoteWord, trimLine } from '../../config/words.ts';
import { certificateFiles, nodeFiles, packagedFile } from '../machine/layout.ts';
import { CliFailure, EXIT } from '../run/failure.ts';
import { whyBadDirective } from './directive-check.ts';
import { linesForMix } from './engine-mix.ts';
import { isLoopback, type NodePlan } from './plan.ts';
import type { ClusterSpec } from './spec.ts';

export type Variables = Readonly<Record<string, string | number>>;

/** The configuration file of one node, as a byte text: node.conf, then what TLS, a password and the spec's own directives add. */
export function renderNodeConf(spec: ClusterSpec, clusterFolder: string, node: NodePlan): string {
  const variables = variablesOf(spec, clusterFolder, node);
  const parts = ['node.conf'];
  if (spec.tls) parts.push('tls.conf');
  if (spec.password !== null) parts.push('auth.conf');
  const rendered = parts.map((name) => {
    const { file, text } = readTemplate(name, spec.template);
    const conf = renderTemplate(text, variables, file);
    checkDirectives(conf, { file, engine: node.engine });
    return conf;
  });
  return [linesForMix(spec, node.engine), ...rendered, configLines(spec)].filter((part) => part !== '').join('\n');
}

/** Replaces every {{name}}; comments too, so that a file says which node it is of. */
export function renderTemplate(text: string, variables: Variables, file: string): string {
  return text
    .split('\n')
    .map((line, index) =>
      line.replaceAll(/\{\{([^{}]*)\}\}/g, (_, inner: string) => {
        const name = fromByteText(inner).trim();
        if (!Object.hasOwn(variables, name)) throw unknownVariable(name, `${file}:${index + 1}`, variables);
        return toByteText(String(variables[name]));
      }),
    )
    .join('\n');
}

/** From the user's folder where it has such a file, else the one that is shipped. */
export function readTemplate(name: string, folder: string | null): { file: string; text: string } {
  const own = folder === null ? null : join(resolve(folder), name);
  if (folder !== null && !existsSync(resolve(folder))) {
    throw new CliFailure(`template folder ${folder} does not exist`, { code: 'NO_TEMPLATE', exit: EXIT.usage });
  }
  const file = own !== null && existsSync(own) ? own : packagedFile('templates', name);
  if (!existsSync(file)) {
    throw new CliFailure(`no such template '${name}'`, {
      code: 'NO_TEMPLATE',
      exit: EXIT.usage,
      why: `${file} does not exist`,
    });
  }
  return { file, text: readFileSync(file, 'latin1') };
}

/** A value as redis.conf wants it: between quotes when it holds anything special, and in ASCII whatever it holds. */
export function quoteValue(text: string): string {
  if (/^[\w./:@%+,=-]+$/.test(text)) return text;
  return quoteWord(toByteText(text));
}

function variablesOf(spec: ClusterSpec, clusterFolder: string, node: NodePlan): Variables {
  const files = nodeFiles(node.folder);
  const tls = certificateFiles(clusterFolder);
  return {
    cluster: spec.name,
    host: node.host,
    port: node.port,
    busPort: node.busPort,
    // With TLS the plain port is closed, and the same number speaks TLS.
    plainPort: spec.tls ? 0 : node.port,
    protectedMode: isLoopback(node.host) ? 'yes' : 'no',
    folder: quoteValue(files.folder),
    data: quoteValue(files.data),
    nodesConf: quoteValue(files.nodesConf),
    caFile: quoteValue(tls.ca),
    certFile: quoteValue(tls.cert),
    keyFile: quoteValue(tls.key),
    password: quoteValue(spec.password ?? ''),
  };
}

function configLines(spec: ClusterSpec): string {
  const lines = Object.entries(spec.config).flatMap(([name, value]) =>
    (typeof value === 'string' ? [value] : value).map((one) => `${name} ${one === '' ? '""' : toByteText(one)}`),
  );
  return lines.length === 0
    ? ''
    : `# From the spec of the cluster: these win over the lines above.\n${lines.join('\n')}\n`;
}

function checkDirectives(conf: string, { file, engine }: { file: string; engine: string }): void {
  for (const [index, line] of conf.split('\n').entries()) {
    const text = trimLine(line);
    if (text === '' || text.startsWith('#')) continue;
    const [, name = '', value = ''] = /^(\S+)\s*(.*)$/.exec(text) ?? [];
    const why = whyBadDirective(name, value, engine);
    if (why === null) continue;
    throw new CliFailure(`${file}:${index + 1}: ${fromByteText(why)}`, { code: 'BAD_TEMPLATE', exit: EXIT.usage });
  }
}

function unknownVariable(name: string, place: string, variables: Variables): CliFailure {
  return new CliFailure(`${place}: unknown variable '${name}'`, {
    code: 'BAD_TEMPLATE',
    exit: EXIT.usage,
    why: `known variables: ${Object.keys(variables).join(', ')}`,
  });
}
