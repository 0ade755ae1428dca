import { dirname, join } from 'node:path/posix';
import type { Finding } from './finding.ts';
import { confined, type Layer, layers } from './layers.ts';
import { type Import, importsOf, type Source } from './source.ts';

/* The rules about imports: who may know whom, which package and which module of Node lives where, and no cycles. */

export function checkImports(sources: readonly Source[]): Finding[] {
  const findings: Finding[] = [];
  const knownBy = new Map<string, string>();
  for (const source of sources) {
    if (!source.path.startsWith('src/')) continue;
    const layer = layerOf(source.path);
    if (layer === undefined) {
      findings.push({
        path: source.path,
        line: 1,
        rule: 'layers',
        what: 'this folder is not in scripts/tidy/layers.ts',
      });
      continue;
    }
    for (const entry of importsOf(source)) {
      const what = entry.specifier.startsWith('.')
        ? whyNoImport(layer, source.path, entry)
        : (whyNoModule(source.path, entry) ?? whyNoPackage(layer, source.path, entry, knownBy));
      if (what !== null) findings.push({ path: source.path, line: entry.line, rule: 'layers', what });
    }
  }
  return [...findings, ...checkCycles(sources)];
}

function layerOf(path: string): Layer | undefined {
  const inside = path.slice('src/'.length);
  const isFileOf = (name: string): boolean =>
    name.endsWith('/*.ts') && dirname(inside) === name.slice(0, -'/*.ts'.length);
  return layers.find(({ name }) => inside === name || inside.startsWith(`${name}/`) || isFileOf(name));
}

function whyNoImport(from: Layer, path: string, { specifier, isType }: Import): string | null {
  if (!/\.tsx?$/.test(specifier)) return `'${specifier}' does not end in .ts or .tsx`;
  const target = join(dirname(path), specifier);
  if (!target.startsWith('src/')) return `src may not import ${target}`;
  const to = layerOf(target);
  if (to === undefined || to === from || from.imports.includes(to.name)) return null;
  if (from.importsTypesOf?.includes(to.name)) {
    return isType ? null : `${from.name} may import only types of ${to.name} (${specifier})`;
  }
  return `${from.name} may not import ${to.name} (${specifier})`;
}

function whyNoModule(path: string, { specifier, isType }: Import): string | null {
  const inside = path.slice('src/'.length);
  if (isType || !inside.startsWith('server/')) return null;
  const rule = confined.find(({ modules }) => modules.includes(specifier));
  if (rule === undefined) return null;
  const isAllowed = rule.to.some((place) => {
    if (place.endsWith('/*.ts')) return dirname(inside) === place.slice(0, -'/*.ts'.length);
    return place.endsWith('/') ? inside.startsWith(place) : inside === place;
  });
  return isAllowed ? null : `${specifier} does not belong here: ${rule.why}`;
}

function whyNoPackage(layer: Layer, path: string, { specifier }: Import, knownBy: Map<string, string>): string | null {
  if (specifier.startsWith('node:')) return null;
  const name = /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
  const oneFile = layer.packages?.[name];
  if (oneFile === undefined) return `${layer.name} may not import the package ${name}`;
  if (oneFile === null) return null;
  const first = knownBy.get(name) ?? (oneFile === 'any' ? path : `src/${oneFile}`);
  knownBy.set(name, first);
  return first === path ? null : `only one file may know the package ${name}, and that is ${first}`;
}

/** Here types point in circles still: the records that everyone passes around name what they hold. */
const TYPES_IN_CIRCLES = /^(?:src\/server|test)\//;

/** What is imported for its types closes a cycle, too; a dynamic import, which is not there at start-up, does not. */
function checkCycles(sources: readonly Source[]): Finding[] {
  const edges = new Map<string, string[]>();
  for (const source of sources) {
    const targets = importsOf(source)
      .filter(
        ({ specifier, isType, isDynamic }) =>
          specifier.startsWith('.') && !(isType && TYPES_IN_CIRCLES.test(source.path)) && !isDynamic,
      )
      .map(({ specifier }) => join(dirname(source.path), specifier));
    edges.set(source.path, targets);
  }
  const findings: Finding[] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (path: string): void => {
    const at = trail.indexOf(path);
    if (at !== -1) {
      const cycle = [...trail.slice(at), path].join(' -> ');
      findings.push({ path, line: 1, rule: 'cycles', what: cycle });
    }
    if (at !== -1 || done.has(path)) return;
    trail.push(path);
    for (const target of edges.get(path) ?? []) visit(target);
    trail.pop();
    done.add(path);
  };
  for (const path of edges.keys()) visit(path);
  return findings;
}
