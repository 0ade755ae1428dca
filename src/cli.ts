import { flush, handle, run } from '@oclif/core';

/** Where bin/run.js hands over: runs the command that the words name, and leaves its exit code behind. */
export async function main(argv: string[], root: string): Promise<void> {
  try {
    await run(argv, { root, devPlugins: false, userPlugins: false });
    await flush();
  } catch (error) {
    await handle(error instanceof Error ? error : new Error(String(error)));
  }
}
