/** Where the cluster bus of a server is, unless its cluster-port says otherwise: so far above its port for clients. */
export const BUS_PORT_OFFSET = 10_000;
