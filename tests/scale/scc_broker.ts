/** A broker of a SocketCluster cluster, from npm; environment variables configure it. */
// @ts-ignore the package has no types
import "scc-broker";
