/* What a cluster should be. */

/** A directive that may stand several times in redis.conf has a list of values. */
export type ConfigValue = string | readonly string[];

export interface ClusterSpec {
  readonly version: 1;
  readonly name: string;
  /** 'bundled', 'redis', 'valkey' or the path of a server binary. */
  readonly engine: string;
  /** What the nodes bind to and announce. */
  readonly host: string;
  /** Of the first node; the others follow. */
  readonly port: number;
  readonly primaries: number;
  /** Replicas of each primary. */
  readonly replicas: number;
  /** Directives of redis.conf, for all nodes. */
  readonly config: Readonly<Record<string, ConfigValue>>;
  readonly tls: boolean;
  readonly password: string | null;
  /** A folder with templates of one's own, or null for the built-in ones. */
  readonly template: string | null;
  /** Engines of nodes that run on another one than `engine`, by port: clusters may mix them. */
  readonly engines: Readonly<Record<string, string>>;
}

export const DEFAULT_SPEC: ClusterSpec = {
  version: 1,
  name: 'default',
  engine: 'bundled',
  host: '127.0.0.1',
  port: 7000,
  primaries: 3,
  replicas: 1,
  config: {},
  tls: false,
  password: null,
  template: null,
  engines: {},
};
