"""A row of one's own and the events that tell of it commit together, from Python with psycopg 3.

Needs a database with a log in the schema "headwater" and the table of transfers.sql:
    python3 examples/sql/transfer.py postgres://…
"""

import json
import sys
import uuid

import psycopg
from psycopg.types.json import Jsonb


def balance(connection, account):
    """The version of the account, and what is on it; the caller's own pending events count."""
    version, amount = 0, 0
    for version, event_type, data in connection.execute(
        "SELECT version, event_type, data FROM headwater.load('Account', %s)", [account]
    ):
        amount += data["amount"] if event_type == "Deposited" else -data["amount"]
    return version, amount


def append(connection, account, expected_version, event_type, transfer, amount):
    """Appends an event, whose id follows from the transfer's: sent again, it is the same event."""
    event = {
        "event_id": str(uuid.uuid5(transfer, f"{account} {event_type}")),
        "event_type": event_type,
        "data": {"amount": amount},
        "metadata": {"transfer": str(transfer)},
    }
    connection.execute(
        "SELECT headwater.append('Account', %s, %s, %s)", [account, str(expected_version), Jsonb([event])]
    )


def transfer(connection, giver, taker, amount, meanwhile=lambda: None):
    """All of it, or nothing: the block's end is the COMMIT, and that may fail."""
    identity = uuid.uuid4()
    with connection.transaction():
        version, available = balance(connection, giver)
        if available < amount:
            raise ValueError(f"{giver} has only {available}")
        connection.execute("INSERT INTO transfers VALUES (%s, %s, %s, %s)", [identity, giver, taker, amount])
        append(connection, giver, version, "Withdrawn", identity, amount)
        append(connection, taker, "ANY", "Deposited", identity, amount)
        meanwhile()


def main(url):
    with psycopg.connect(url, autocommit=True) as connection, psycopg.connect(url, autocommit=True) as other:
        append(connection, "ada", "NO_STREAM", "Deposited", uuid.uuid4(), 100)

        transfer(connection, "ada", "bob", 10)
        print("ada has", balance(connection, "ada")[1])

        # Somebody else withdraws while our transaction is open; they do not wait for us.
        try:
            transfer(connection, "ada", "bob", 20, meanwhile=lambda: transfer(other, "ada", "eve", 80))
        except psycopg.DatabaseError as error:
            facts = json.loads(error.diag.message_detail)
            print(error.sqlstate, facts["reason"], "expected", facts["expected"], "actual", facts["actual"])

        print("ada has", balance(connection, "ada")[1])
        print("transfers", connection.execute("SELECT count(*) FROM transfers").fetchone()[0])


if __name__ == "__main__":
    main(sys.argv[1])
