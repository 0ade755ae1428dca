/* How a server inside another program ends that cannot go on. In a file of its own: it is part of the library's types. */

/**
 * What `fatal` throws where there is no process to end: it unwinds the task at hand and is nobody else's problem. Whoever
 * threw it sees to the end of the server.
 */
export class ServerFailure extends Error {
  override name = 'ServerFailure';
}
