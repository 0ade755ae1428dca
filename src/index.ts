/*
 * The library: what the command line does, for programs. `startServer` runs the bundled server inside the calling process.
 */

export { ServerFailure } from './server/compose.ts';
export { type EmbeddedServer, OptionFailure, type ServerOptions, startServer } from './server/embedded.ts';
export { type Argument, CommandFailure, type ReplyValue } from './server/inside.ts';
