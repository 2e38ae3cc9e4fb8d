/** Ports that discovery never asks anything: what listens there is well known, and some of it takes a question badly. */
const FOREIGN: ReadonlyMap<number, string> = new Map([
  [1_433, "SQL Server"],
  [1_521, "Oracle"],
  [1_883, "MQTT"],
  [2_049, "NFS"],
  [2_181, "ZooKeeper"],
  [2_379, "etcd"],
  [2_380, "etcd"],
  [3_306, "MySQL"],
  [3_389, "remote desktop"],
  [4_222, "NATS"],
  [5_432, "PostgreSQL"],
  [5_672, "AMQP"],
  [5_900, "VNC"],
  [6_379, "Redis"],
  [6_443, "Kubernetes"],
  [9_042, "Cassandra"],
  [9_092, "Kafka"],
  [10_250, "Kubernetes"],
  [11_211, "memcached"],
  [27_017, "MongoDB"],
]);
const PRIVILEGED_BELOW = 1_024;
/** Inference servers in containers of their own listen there. */
const HTTP_PORT = 80;

/** Whether what listens on this port is taken for something else without asking. A server there can be named in hive.toml. */
export const isForeignPort = (port: number): boolean =>
  (port < PRIVILEGED_BELOW && port !== HTTP_PORT) || FOREIGN.has(port);
