/*
 * The Node that the server needs. The programs look for one that is new enough before they load anything (bin/pick-node.js);
 * a library has the Node of its caller, and can only say what is wrong with it.
 */

/** As `engines` of package.json has it. */
const NODE_MIN = { major: 22, minor: 13 };

/** The Node that runs this is too old for the server. */
export class NodeTooOldFailure extends Error {
  override readonly name = 'NodeTooOldFailure';
  readonly code = 'NODE_TOO_OLD';
  /** The lowest version that will do: '22.13'. */
  readonly needed = `${NODE_MIN.major}.${NODE_MIN.minor}`;
}

/** Throws a NodeTooOldFailure; `version` is that of the Node under way. */
export function checkNode(version: string = process.versions.node): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > NODE_MIN.major || (major === NODE_MIN.major && minor >= NODE_MIN.minor)) return;
  throw new NodeTooOldFailure(
    `rkv needs Node ${NODE_MIN.major}.${NODE_MIN.minor} or newer; this is ${version} (${process.execPath}). ` +
      'Install a newer Node, from https://nodejs.org or with `nvm install 22`, and run the program on that.',
  );
}
