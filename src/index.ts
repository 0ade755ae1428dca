/*
 * The library: what the command line does, for programs. `startServer` runs the bundled server inside the calling process.
 */

/// <reference lib="esnext.disposable" preserve="true" />

export { type EmbeddedServer, OptionFailure, type ServerOptions, startServer } from './server/embedded.ts';
export { NodeTooOldFailure } from './server/node-version.ts';
export { type Argument, CommandFailure, type ReplyValue } from './server/reply-value.ts';
export { ServerFailure } from './server/server-failure.ts';
