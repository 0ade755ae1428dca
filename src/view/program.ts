/** As this process was started: whoever came by npx has no `rkv` in the PATH. */
export function programName(): string {
  return process.env['npm_command'] === 'exec' ? 'npx rkv' : 'rkv';
}

/** A command of ours as this person can type it; anything else as it stands. */
export function asTyped(command: string): string {
  return command.startsWith('rkv ') ? `${programName()}${command.slice(3)}` : command;
}
