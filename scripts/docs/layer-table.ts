import { confined, type Layer, layers } from '../tidy/layers.ts';
import { code, table } from './markdown.ts';

/* ARCHITECTURE.md's table of layers is the one that tidy checks imports with. */

export function layerTable(): string {
  const folders = layers.map(({ name, imports, importsTypesOf = [], packages = {} }) => [
    code(name),
    [listOf(imports), importsTypesOf.length === 0 ? '' : `types of ${listOf(importsTypesOf)}`]
      .filter((text) => text !== '')
      .join('; '),
    Object.entries(packages)
      .map(([each, file]) => (file === null ? each : `${each} (one file)`))
      .join(', '),
  ]);
  const modules = confined.map(({ modules, to, why }) => [
    modules.map(code).join(' '),
    to.length === 0 ? 'nobody' : to.map(code).join(' '),
    why,
  ]);
  return `${table(['folder of src/', 'may import', 'npm packages'], folders)}
Within the server, some modules of Node have their places, too:

${table(['modules', 'only in', 'because'], modules)}`;
}

/** The folders that know each other only downwards; who may import all of them says so in two words. */
const parts = layers
  .slice(
    0,
    layers.findIndex(({ name }) => name === 'server/state'),
  )
  .filter(isPart);

function isPart({ name }: Layer): boolean {
  return name.startsWith('server/');
}

function listOf(names: readonly string[]): string {
  const all = parts.every(({ name }) => names.includes(name));
  const rest = all ? names.filter((name) => !parts.some((part) => part.name === name)) : names;
  const words = all ? ['**all of the server above**', ...rest.map(code)] : rest.map(code);
  return words.length === 0 ? 'nothing' : words.join(' ');
}
