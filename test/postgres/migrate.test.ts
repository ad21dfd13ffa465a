import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Database, type DatabaseOptions } from '../../src/postgres/database.js';
import { migrate } from '../../src/postgres/migrate.js';
import { appendTo, loaded, newEvent, thing } from '../../src/testing/index.js';
import { newSchemaName, openDatabase, storeOn } from '../support/test-database.js';

let database: Database;
const schemas: string[] = [];
const schemaName = () => {
  const name = newSchemaName();
  schemas.push(name);
  return name;
};
const run = (text: string, values: unknown[] = []) => database.query('append', text, values);

beforeAll(() => {
  database = openDatabase();
});
afterAll(async () => {
  for (const schema of schemas) await run(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
  await database.close();
});

describe('migrate', () => {
  it('may be started by many at once: one works, the others find nothing to do', async () => {
    const schema = schemaName();
    const reports = await Promise.all(Array.from({ length: 5 }, () => migrate(database, schema)));
    expect(reports.map(({ applied }) => applied.length).filter((applied) => applied > 0)).toEqual([
      reports.reduce((most, { applied }) => Math.max(most, applied.length), 0),
    ]);
    expect(await migrate(database, schema)).toMatchObject({ applied: [], functionsReplaced: false });
  });

  it('takes an empty schema that somebody made for it', async () => {
    const schema = schemaName();
    await run(`CREATE SCHEMA "${schema}"`);
    await expect(migrate(database, schema)).resolves.toMatchObject({ functionsReplaced: true });
  });

  it('refuses a schema that somebody else filled, and leaves it as it was', async () => {
    const schema = schemaName();
    await run(`CREATE SCHEMA "${schema}"`);
    await run(`CREATE TABLE "${schema}".theirs (id integer)`);
    await expect(migrate(database, schema)).rejects.toThrow(
      `Schema ${schema} exists and was not made by Headwater: choose another with --namespace, or another database`,
    );
    expect(
      await run('SELECT count(*) FROM pg_class WHERE relnamespace = $1::regnamespace', [schema]),
    ).toEqual([['1']]);
  });

  it('refuses a schema that a newer Headwater has migrated', async () => {
    const schema = schemaName();
    await migrate(database, schema);
    await run(
      `INSERT INTO "${schema}".schema_migrations (number, name, digest) VALUES (9999, '9999_later', 'x')`,
    );
    await expect(migrate(database, schema)).rejects.toThrow(
      /is at migration 9999_later, and this Headwater knows only/,
    );
  });

  it('refuses a schema whose migration of the same number is another one', async () => {
    const schema = schemaName();
    await migrate(database, schema);
    await run(`UPDATE "${schema}".schema_migrations SET digest = 'edited' WHERE number = 1`);
    await expect(migrate(database, schema)).rejects.toThrow(/is not the one that this Headwater has/);
  });

  it('refuses a name that is no schema name before it touches the database', async () => {
    await expect(migrate(database, 'x"; DROP SCHEMA public')).rejects.toThrow(TypeError);
  });

  it('puts back a function that was changed by hand when the functions are of another version', async () => {
    const schema = schemaName();
    await migrate(database, schema);
    await run(
      `COMMENT ON TABLE "${schema}".schema_migrations IS 'Headwater: functions of an earlier version'`,
    );
    expect(await migrate(database, schema)).toMatchObject({ functionsReplaced: true });
  });
});

describe('a role without the right to create', () => {
  it('is told what to grant', async () => {
    const role = newSchemaName();
    await run(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`);
    const theirs = new Database({ connection: asRole(inject('connection'), role) });
    try {
      await expect(migrate(theirs, newSchemaName())).rejects.toThrow(
        /may not migrate schema .* run "headwater migrate" once/,
      );
    } finally {
      await theirs.close();
      await run(`DROP ROLE ${role}`);
    }
  });
});

describe('a server on which the promises would not hold', () => {
  it.each([
    ["default_transaction_isolation = 'serializable'", /appends need "read committed"/],
    ['synchronous_commit = off', /synchronous_commit is off: what is acknowledged could be lost/],
  ])('is refused: %s', async (setting, message) => {
    const role = newSchemaName();
    await run(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`);
    await run(`ALTER ROLE ${role} SET ${setting}`);
    const theirs = new Database({ connection: asRole(inject('connection'), role) });
    try {
      await expect(migrate(theirs, newSchemaName())).rejects.toThrow(message);
    } finally {
      await theirs.close();
      await run(`DROP ROLE ${role}`);
    }
  });

  it('is refused: an encoding that is not UTF8', async () => {
    const name = newSchemaName();
    await run(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'`);
    const theirs = new Database({ connection: inDatabase(inject('connection'), name) });
    try {
      await expect(migrate(theirs, newSchemaName())).rejects.toThrow(
        /has the encoding SQL_ASCII: Headwater needs UTF8/,
      );
    } finally {
      await theirs.close();
      await run(`DROP DATABASE ${name}`);
    }
  });
});

describe('a role that may use the schema and not change it', () => {
  it('can serve it once it is migrated', async () => {
    const schema = schemaName();
    await migrate(database, schema);
    const role = newSchemaName();
    await run(`CREATE ROLE ${role} LOGIN PASSWORD 'secret' IN ROLE headwater_writer, headwater_reader`);
    const theirs = new Database({ connection: asRole(inject('connection'), role) });
    try {
      expect(await migrate(theirs, schema)).toMatchObject({
        applied: [],
        functionsReplaced: false,
        roles: true,
      });
      const store = storeOn({ database: theirs, schema });
      await store.start();
      await store.append(appendTo(thing('a'), newEvent()));
      expect((await loaded(store)).length).toBe(1);
      await store.stop();
      await expect(
        theirs.query('append', `INSERT INTO "${schema}".log_head VALUES (true)`, []),
      ).rejects.toThrow();
      await expect(theirs.query('append', `DELETE FROM "${schema}".events`, [])).rejects.toThrow(
        'permission denied',
      );
    } finally {
      await theirs.close();
      await run(`DROP ROLE ${role}`);
    }
  });
});

function asRole(connection: DatabaseOptions['connection'], role: string): DatabaseOptions['connection'] {
  if (!('connectionString' in connection)) return { ...connection, user: role };
  const url = new URL(connection.connectionString);
  url.username = role;
  url.password = 'secret';
  return { connectionString: url.toString() };
}

function inDatabase(
  connection: DatabaseOptions['connection'],
  database: string,
): DatabaseOptions['connection'] {
  if (!('connectionString' in connection)) return { ...connection, database };
  const url = new URL(connection.connectionString);
  url.pathname = `/${database}`;
  return { connectionString: url.toString() };
}
