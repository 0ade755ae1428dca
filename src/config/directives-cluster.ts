/** The cluster. */

import { BUS_PORT_OFFSET } from '../base/bus-port.ts';
import { isHost } from '../base/host.ts';
import { integer, memory, oneOf, port, smallInteger, text, yesNo } from './directive.ts';

export const cluster = {
  'cluster-enabled': yesNo({ initial: false, since: '3.0.0', fixed: true, doc: 'Be a node of a cluster.' }),
  'cluster-config-file': text({
    initial: 'nodes.conf',
    since: '3.0.0',
    fixed: true,
    doc: 'File, within dir, in which the node keeps its id and its view of the cluster. Not for editing.',
  }),
  'cluster-port': port({
    initial: 0,
    since: '7.0.0',
    fixed: true,
    doc: `Port of the cluster bus; 0 is the port for clients plus ${BUS_PORT_OFFSET}.`,
  }),
  'cluster-node-timeout': integer({
    initial: 15_000,
    since: '3.0.0',
    doc: 'Milliseconds of silence after which a node counts as failing.',
  }),
  'cluster-announce-ip': text({
    initial: '',
    since: '4.0.0',
    doc: 'Address that other nodes and clients shall use, when it is not the one they see.',
    why: whyNoAddress,
  }),
  'cluster-announce-hostname': text({
    initial: '',
    since: '7.0.0',
    doc: 'Host name that the node tells about itself.',
    why: whyNoHostname,
  }),
  'cluster-announce-human-nodename': text({
    initial: '',
    since: '7.2.0',
    doc: 'Name of the node for people: the other nodes keep it in their nodes.conf.',
    why: whyNoNodename,
  }),
  'cluster-announce-port': port({
    initial: 0,
    since: '4.0.0',
    doc: 'Port for clients that is announced; 0 is the real one.',
  }),
  'cluster-announce-tls-port': port({
    initial: 0,
    since: '6.2.0',
    doc: 'TLS port that is announced; 0 is the real one.',
  }),
  'cluster-announce-bus-port': port({
    initial: 0,
    since: '4.0.0',
    doc: 'Bus port that is announced; 0 is the real one.',
  }),
  'cluster-preferred-endpoint-type': oneOf(['ip', 'hostname', 'unknown-endpoint'], {
    initial: 'ip',
    since: '7.0.0',
    doc: 'How redirections name a node: by address, by host name, or not at all ("where you found me").',
  }),
  'cluster-require-full-coverage': yesNo({
    initial: true,
    since: '3.0.0',
    doc: 'Answer nothing while some slot is served by nobody.',
  }),
  'cluster-allow-reads-when-down': yesNo({ initial: false, since: '6.0.0', doc: 'Answer reads even then.' }),
  'cluster-allow-pubsubshard-when-down': yesNo({
    initial: true,
    since: '7.0.0',
    doc: 'Serve sharded channels even then.',
    notApplicable: 'there are no sharded channels yet',
  }),
  'cluster-replica-validity-factor': smallInteger({
    initial: 10,
    since: '5.0.0',
    aliases: ['cluster-slave-validity-factor'],
    doc: 'A replica cut off for more than this many node timeouts does not stand for election; 0 lets it always.',
  }),
  'cluster-replica-no-failover': yesNo({
    initial: false,
    since: '5.0.0',
    aliases: ['cluster-slave-no-failover'],
    doc: 'This replica never stands for election, unless it is told to.',
  }),
  'cluster-migration-barrier': smallInteger({
    initial: 1,
    since: '3.0.0',
    doc: 'How many replicas a primary must keep before one of them may move to a primary without any.',
  }),
  'cluster-allow-replica-migration': yesNo({
    initial: true,
    since: '6.2.0',
    doc: 'Let replicas move to primaries without any, and follow when their shard loses its slots.',
  }),
  'cluster-link-sendbuf-limit': memory({
    initial: 0,
    max: 2 ** 64,
    since: '7.0.0',
    doc: 'Bytes that may wait to be sent to another node before its link is closed; 0 is no limit.',
  }),
} as const;

/** Room in the messages of the bus. */
const HOSTNAME_LENGTH_MAX = 255;

/** As above, with the zero byte behind it. */
const ADDRESS_LENGTH_MAX = 45;

/** Redis takes any text, and the node cannot start again from its own nodes.conf when a space is in it. */
function whyNoAddress(address: string): string | null {
  if (address.length > ADDRESS_LENGTH_MAX) return 'Addresses must be less than 46 characters';
  if (address === '' || isHost(address)) return null;
  return 'Addresses may only contain alphanumeric characters, dots, colons, percent signs, hyphens or underscores';
}

function whyNoNodename(name: string): string | null {
  if (name.length > HOSTNAME_LENGTH_MAX) return 'Human node names must be less than 256 characters';
  return /^[A-Za-z0-9._-]*$/.test(name) ? null : 'Announced human node name contained invalid character';
}

function whyNoHostname(name: string): string | null {
  if (name.length > HOSTNAME_LENGTH_MAX) return 'Hostnames must be less than 256 characters';
  return /^[A-Za-z0-9.-]*$/.test(name) ? null : 'Hostnames may only contain alphanumeric characters, hyphens or dots';
}
