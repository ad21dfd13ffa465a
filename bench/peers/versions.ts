/** What is installed, by peer: exact versions, the same on every machine. None of it is a dependency of ours. */
export const VERSIONS = { emmett: '0.42.0', eventsourcing: '9.5.6', umadb: '0.7.8' } as const;

/** From the npm registry, with the driver and what lies between pinned too. */
export const EMMETT_PACKAGES = {
  '@event-driven-io/emmett': VERSIONS.emmett,
  '@event-driven-io/emmett-postgresql': VERSIONS.emmett,
  '@event-driven-io/pongo': '0.16.11',
  '@event-driven-io/dumbo': '0.12.7',
  pg: '8.23.1',
};

/** From PyPI, all of it. `psycopg-binary` is psycopg's faster half, in C. */
export const EVENTSOURCING_PACKAGES = {
  eventsourcing: VERSIONS.eventsourcing,
  psycopg: '3.3.9',
  'psycopg-binary': '3.3.9',
  'psycopg-pool': '3.3.3',
  typing_extensions: '4.16.0',
};

/** From PyPI: the wheel of UmaDB's makers has its client and its server, which are Rust. */
export const UMADB_PACKAGES = { umadb: VERSIONS.umadb };
