/*
 * Who may import whom: the map of the project as data. A folder not named here has no place in the design, and tidy
 * says so. Two rules shape the table: the data plane knows nothing of the network, and the command line knows nothing
 * of the server but how to start it.
 */

export interface Layer {
  /** A folder below src/, a single file, or `folder/*.ts` for the files directly in it. */
  readonly name: string;
  readonly imports: readonly string[];
  /** Imported for their types only, which leaves nothing behind at run time. */
  readonly importsTypesOf?: readonly string[];
  /** npm packages, each with the one file that may know it; null where the whole folder may. */
  readonly packages?: Readonly<Record<string, OneFile | null>>;
}

/** A path, or `any`: one file, whatever it is called. */
type OneFile = string;

const PURE = ['server/data', 'server/protocol', 'server/gossip', 'server/pubsub', 'server/rdb'];
const SERVER_PARTS = [
  ...PURE,
  'server/security',
  'server/observe',
  'server/keyspace',
  'server/types',
  'server/persistence',
  'server/replication',
  'server/scripting',
  'server/net',
  'server/bus',
];

/** The orchestrator's, in order: each knows those before it. */
const ROOMS = [
  'cluster/run',
  'cluster/node',
  'cluster/machine',
  'cluster/spec',
  'cluster/topology',
  'cluster/verify',
  'cluster/observe',
  'cluster/operations',
  'cluster/cli',
];

const ROOM_PACKAGES: Readonly<Record<string, Layer['packages']>> = {
  'cluster/node': { ioredis: 'any' },
  'cluster/machine': { execa: 'any', '@peculiar/x509': 'any', 'reflect-metadata': 'any' },
  'cluster/spec': { yaml: 'any' },
};

export const layers: readonly Layer[] = [
  { name: 'base', imports: [] },
  { name: 'config', imports: ['base'] },
  ...PURE.map((name) => ({ name, imports: ['base'] })),
  { name: 'server/security', imports: ['base', 'config'] },
  { name: 'server/observe', imports: ['base', 'config'] },
  { name: 'server/keyspace', imports: ['base', 'config', 'server/data'] },
  { name: 'server/types', imports: ['base', 'server/data', 'server/rdb', 'server/keyspace'] },
  {
    name: 'server/persistence',
    imports: ['base', 'config', 'server/data', 'server/rdb', 'server/keyspace', 'server/types', 'server/protocol'],
  },
  {
    name: 'server/replication',
    imports: [
      'base',
      'config',
      'server/protocol',
      'server/rdb',
      'server/keyspace',
      'server/persistence',
      'server/security',
    ],
  },
  { name: 'server/scripting', imports: ['base', 'server/protocol'] },
  { name: 'server/net', imports: ['base', 'config', 'server/protocol', 'server/security'] },
  { name: 'server/bus', imports: ['base', 'config', 'server/gossip', 'server/security'] },
  // The two records everyone passes around name what they hold, and so the types of nearly everything.
  { name: 'server/state', imports: ['base', 'config'], importsTypesOf: [...SERVER_PARTS, 'server/command'] },
  { name: 'server/command', imports: ['base', 'config', ...SERVER_PARTS, 'server/state'] },
  { name: 'server/handlers', imports: ['base', 'config', ...SERVER_PARTS, 'server/state', 'server/command'] },
  {
    name: 'server/*.ts',
    imports: ['base', 'config', ...SERVER_PARTS, 'server/state', 'server/command', 'server/handlers'],
  },
  ...ROOMS.map((name, at) => {
    const packages = ROOM_PACKAGES[name];
    return {
      name,
      imports: ['base', 'config', ...ROOMS.slice(0, at)],
      ...(packages === undefined ? {} : { packages }),
    };
  }),
  { name: 'view', imports: ['base', ...ROOMS], packages: { ink: null, react: null } },
  { name: 'base-command.ts', imports: ['base', 'config', ...ROOMS, 'view'], packages: { '@oclif/core': null } },
  {
    name: 'commands',
    imports: ['base', 'config', ...ROOMS, 'view', 'base-command.ts'],
    packages: { '@oclif/core': null },
  },
  { name: 'cli.ts', imports: ['base', ...ROOMS, 'view', 'base-command.ts'], packages: { '@oclif/core': null } },
  { name: 'index.ts', imports: [...ROOMS, 'server/*.ts'] },
];

/** Modules of Node that few parts of the server may touch; what is not listed here is free, and types are. */
export interface Confined {
  readonly modules: readonly string[];
  /** Files, folders (ending in /) or `folder/*.ts`, below src/. */
  readonly to: readonly string[];
  readonly why: string;
}

export const confined: readonly Confined[] = [
  {
    modules: ['node:fs', 'node:fs/promises'],
    to: [
      'server/persistence/disk.ts',
      'server/security/acl-file.ts',
      'server/security/tls-options.ts',
      'server/scripting/engine.ts',
      // A Unix socket is a file, with a mode and a leftover of the last run.
      'server/net/listener.ts',
      // A descriptor is written to by the module for files, whatever it is.
      'server/net/send.ts',
      'server/*.ts',
    ],
    why: 'files are the business of persistence/disk.ts',
  },
  {
    modules: ['node:net', 'node:tls', 'node:dgram', 'node:http', 'node:https'],
    to: [
      'server/net/',
      'server/bus/',
      'server/replication/',
      'server/*.ts',
      // Neither opens a socket: isIP is a question about a text, and createSecureContext one about files.
      'server/gossip/operator.ts',
      'server/security/tls-options.ts',
    ],
    why: 'sockets are the business of net, bus and replication',
  },
  {
    modules: ['node:child_process', 'node:cluster', 'node:worker_threads'],
    to: ['server/*.ts'],
    why: 'processes and threads are started by the composition root alone',
  },
  {
    modules: ['node:sqlite'],
    to: ['server/persistence/file-lock.ts'],
    why: 'nothing is stored there; its locks are those of the operating system',
  },
  { modules: ['node:events'], to: [], why: 'there is no event bus; callbacks are handed in once, in main.ts' },
];
