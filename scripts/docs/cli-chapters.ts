import type { EXIT } from '../../src/cluster/run/failure.ts';

/* What docs/cli.md says about all commands. Flags and shapes stand in their declarations; this is what stands nowhere else. */

export const exitCodes: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'done',
  unexpected:
    'a server did not start or died, or an internal error; of `rkv cli` with `--json` or `-e`: the server answered with an error',
  usage: 'usage error: a word, a flag or a file that cannot be used',
  verification: 'verification failed: something is wrong with the cluster',
  timeout: 'timed out',
  unreachable: 'no node could be reached',
  conflict: 'conflict: a port or a name is taken, or a node is not empty',
  refused: 'refused: it is not safe, or was not confirmed',
  partial: 'partially completed',
  interrupted: 'interrupted',
};

/** What stands in `result` of the JSON object. */
export const results: Readonly<Record<string, string>> = {
  cli: '{ reply: any }',
  env: '{ REDIS_URL: string, REDIS_CLUSTER_NODES: string, … }',
  verify: '{ report: Report, topology: Topology }',
  wait: 'Topology',
  watch: '{ events: WatchEvent[] }',
  'cluster create': 'ClusterPlan; with addresses AdoptionPlan',
  'cluster destroy': 'ChangedNodes',
  'cluster list': '{ clusters: ClusterSummary[] }',
  'cluster start': 'ChangedNodes',
  'cluster status': 'Topology',
  'cluster stop': 'ChangedNodes',
  'node add': 'AddedNode',
  'node kill': 'ChangedNodes',
  'node list': '{ nodes: ListedNode[] }',
  'node logs': '{ lines: LogLine[] }',
  'node pause': 'ChangedNodes',
  'node remove': 'RemovedNode',
  'node resume': 'ChangedNodes',
  'node start': 'ChangedNodes',
  'node stop': 'ChangedNodes',
};

/** Declarations of src/cluster that the results are made of. */
export const shapes: readonly { readonly file: string; readonly names: readonly string[] }[] = [
  { file: 'observe/list-clusters.ts', names: ['ClusterSummary'] },
  { file: 'spec/plan.ts', names: ['ClusterPlan', 'NodePlan'] },
  { file: 'operations/adopt.ts', names: ['AdoptionPlan', 'AdoptedNode'] },
  { file: 'operations/managed-nodes.ts', names: ['ChangedNodes'] },
  { file: 'topology/view.ts', names: ['Topology', 'ShardView', 'NodeView', 'ReplicationView'] },
  { file: 'verify/verify.ts', names: ['Report', 'Check'] },
  { file: 'topology/finding.ts', names: ['Finding'] },
  { file: 'operations/add-node.ts', names: ['AddedNode'] },
  { file: 'operations/remove-node.ts', names: ['RemovedNode'] },
  { file: 'operations/list-nodes.ts', names: ['ListedNode'] },
  { file: 'machine/follow-logs.ts', names: ['LogLine'] },
  { file: 'observe/watch.ts', names: ['WatchEvent'] },
];

export const chapters = {
  environment: `## Environment variables

| Variable | Meaning |
| --- | --- |
| \`RKV_CLUSTER\` | the cluster to use, as \`--cluster\` |
| \`RKV_HOME\` | the folder of all clusters, as \`--home\`; default \`$XDG_STATE_HOME/rkv\`, and \`~/.local/state/rkv\` without that variable |
| \`RKV_PASSWORD\`, \`REDISCLI_AUTH\` | the password, as \`--password\`; the first one wins; servers do not inherit them |
| \`RKV_DEBUG\` | print the stack trace of an error, as \`--debug\` |
| \`REDISCLI_HISTFILE\` | the file with the lines typed at the prompt of \`rkv cli\` |
| \`NO_COLOR\`, \`FORCE_COLOR\` | without colours, with colours in any case |
| \`COLUMNS\` | the width of tables that go into a pipe; 80 when it is not set |
| \`CI\` | print the steps one by one; nothing is redrawn |
| \`MALLOC_MMAP_THRESHOLD_\`, \`MALLOC_TRIM_THRESHOLD_\`, \`MALLOC_ARENA_MAX\` | settings of the GNU C library for servers that rkv starts: unless they are set, they get 32768, 131072 and 2, with which memory goes back to the system; a server that is started as \`rkv-server\` gets what its caller sets |

A flag comes before its variable.
`,
  selectors: `## Selectors

Commands that take nodes take words. Words that name a node add it: \`7001 7002\` are two nodes. Words that describe nodes
narrow: \`shard:2 replica\` is the replicas of shard 2.

| Word | Nodes |
| --- | --- |
| \`7001\` | the node at that port |
| \`127.0.0.1:7001\` | the node at that address |
| \`3fa2\` | the node whose id begins so: four letters or more |
| \`primary\`, \`replica\` | by role; \`master\` and \`slave\` mean the same |
| \`up\`, \`down\` | those that answer, and those that do not |
| \`shard:2\` | a shard by its number, in slot order |
| \`slot:5461\` | the shard that owns the slot |
| \`all\` | every node |
`,
  conditions: `## Conditions

\`rkv wait CONDITION\` ends when the condition holds:

| Condition | It holds when |
| --- | --- |
| \`ok\` | nothing is wrong: what \`status\` and \`verify\` call ok |
| \`served\` | all slots are served, and every node that answers says so; other things may be wrong |
| \`synced\` | every replica answers, its link is up and it is not behind |
| \`ready\` | ok, and every node is connected to every other |
| \`size=N\` | N nodes answer, and each knows N nodes |
`,
  tls: `## TLS and passwords

A cluster that rkv made is reached with its own password and certificates, by its name (\`--cluster secure\`, \`RKV_CLUSTER\`,
or the argument) and by the address of one of its nodes. Every other cluster, and one of another home or machine, needs flags:

\`\`\`
rkv verify secure
rkv verify 127.0.0.1:7000
RKV_PASSWORD=secret rkv verify 10.0.0.5:7000 --tls --cacert ca.crt
\`\`\`

Certificates made by rkv are valid for \`127.0.0.1\`, \`::1\`, \`localhost\` and the host of the cluster (\`--host\`). A
server that is reached by a name or an address which is not in its certificate is refused; \`rkv cli --sni NAME\` asks for
another name, and \`--insecure\` does not look.
`,
  json: `## JSON

With \`--json\` a command prints one object and nothing else on standard output, and never asks. The exit code is the same as
without:

\`\`\`ts
type Printed =
  | { status: 'ok'; result: Result; warnings: string[] }
  | { status: 'error'; error: Failure; result?: Result; warnings: string[] };

interface Failure {
  code: string; // stable: PORT_IN_USE, UNREACHABLE, VERIFICATION_FAILED, …
  exit: number; // the exit code
  message: string;
  why: string | null;
  suggestions: string[];
  evidence?: string[]; // further facts, one a line
  log?: { file: string; lines: string[] } | null; // the end of a log that tells more
  undone?: string | null; // what was taken back
}
\`\`\`

\`verify\`, \`cluster status\` and \`cli\` have a result also when they end with an error. The result of each command stands with
the command; these are its parts:
`,
  troubleshooting: `## Troubleshooting

| What is said | What it means, and what to do |
| --- | --- |
| port 7003 is not free | another program has the port, or its bus port (10000 above it); the message names it. \`--port 7100\` takes other ports, \`--port auto\` finds free ones |
| … does not answer, its server does not run | \`rkv node logs 7003\` shows why it ended; \`rkv node start down\` starts all that are down, with their data |
| … does not answer, it is paused | \`rkv node resume 7003\` |
| NOAUTH, WRONGPASS, authentication failed | set \`RKV_PASSWORD\`, or give \`-a\`; clusters that rkv made need neither: name them with \`--cluster\` |
| there is no cluster 'default' | nothing was created under this name in this home: \`rkv cluster list\` shows what there is, \`--home\` or \`RKV_HOME\` names another home |
| cluster default already exists | \`rkv cluster start\` starts it, \`rkv cluster destroy\` removes it, \`rkv cluster create --cluster another --port auto\` makes one beside it |
| Could not connect to Redis at 127.0.0.1:6379: Connection refused | without a cluster, \`rkv cli\` tries a single server: \`rkv cluster create\`, \`rkv cluster start\`, or \`rkv cli -h HOST -p PORT\` |
| MOVED 5798 127.0.0.1:7001 | the slot of the key belongs to another node: \`rkv cli -c\`, or a client that knows clusters, follows |
| CROSSSLOT Keys in request don't hash to the same slot | keys of one command must share a slot: give them the same {hash tag} |
| CLUSTERDOWN The cluster is down | slots have no working owner, or most primaries do not answer: \`rkv verify\` names them, \`rkv node start down\` starts what is down |
| ERR unknown command 'ZADD' | the bundled server does not have it yet ([compatibility](compatibility.md)); \`--engine redis\` runs the cluster on an installed Redis |
| MISCONF Errors writing to the AOF file | the disk is full or broken: writes go on by themselves once there is room |
| a connection that is closed at once, or a TLS error | one side speaks TLS and the other does not: \`--tls --cacert FILE\`; \`rkv env\` prints the file for a cluster that rkv made |
| timed out | the last line says what was missing; \`--timeout 2m\` waits longer, \`rkv verify\` shows the whole picture |
| the cluster is unfinished | its creation was interrupted: \`rkv cluster list\` says so; \`rkv cluster start\` finishes it, \`rkv cluster destroy\` removes it |
`,
};
