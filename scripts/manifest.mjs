import { readdirSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Config } from '@oclif/core';
import { packageRoot } from '../bin/pick-node.js';

/*
 * Writes oclif.manifest.json: what every command is called, takes and says, read from the built commands. oclif trusts
 * this table and loads only the command that was asked for. A file in src/commands that is no command would surface
 * to a user as a command that cannot be loaded, so it fails the build here.
 */

const commandsFolder = join(packageRoot, 'dist', 'commands');
for (const file of readdirSync(commandsFolder, { recursive: true }).filter((name) => name.endsWith('.js'))) {
  const { default: command } = await import(pathToFileURL(join(commandsFolder, file)).href);
  if (typeof command?.run !== 'function') {
    throw new Error(`src/commands/${file.replace(/\.js$/, '.ts')}: the default export is not a command`);
  }
}

const config = await Config.load({ root: packageRoot, ignoreManifest: true, devPlugins: false, userPlugins: false });
const plugin = config.plugins.get(config.name);
const commands = {};
for (const [id, command] of Object.entries(plugin.manifest.commands).sort(([a], [b]) => (a < b ? -1 : 1))) {
  const file = join(commandsFolder, ...id.split(':'));
  commands[id] = { ...command, isESM: true, relativePath: relative(packageRoot, `${file}.js`).split(sep) };
}
writeFileSync(join(packageRoot, 'oclif.manifest.json'), `${JSON.stringify({ commands, version: config.version })}\n`);
