import { existsSync } from 'node:fs';

// Filled in next: the entries do not exist yet.
if (!existsSync('src/commands')) process.stdout.write('nothing to build yet\n');
