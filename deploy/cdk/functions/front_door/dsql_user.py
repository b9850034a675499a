"""Makes the application's user in Aurora DSQL, and maps a front door's role to it.

CloudFormation runs this before the front door first starts, and removes the mapping with the front door, or after its
role was replaced by another. It logs in as `admin` with a token of the function's own role.
"""

import os
import re
import socket
import time

import answer
import postgres

ADMIN, DATABASE = "admin", "postgres"
LIMIT_SECONDS = 180
PAUSE_SECONDS = 5
CONFLICTS = ("40001", "42710", "42P06")
"""Another transaction was first, such as the other front door's: it conflicts, or has made the role or the schema."""


def handler(event, _context):
    import boto3  # here, so that the tests need no AWS SDK

    def connect(host):
        token = boto3.client("dsql").generate_db_connect_admin_auth_token(host, os.environ["AWS_REGION"])
        return postgres.Connection(host, ADMIN, token, DATABASE)

    if event["RequestType"] != "Delete":
        # With another role, CloudFormation deletes the resource of this name once nothing uses the old role any more.
        event = {**event, "PhysicalResourceId": event["ResourceProperties"]["Role"]}
    answer.serve(event, "dsql-user", lambda: work(connect, event))


def work(connect, event):
    """Does what CloudFormation asks for."""
    wanted = event["ResourceProperties"]
    host, user, role = wanted["Host"], wanted["User"], wanted["Role"]
    what = remove if event["RequestType"] == "Delete" else ensure

    def attempt():
        with connect(host) as database:
            what(database, user, role)

    try:
        repeating(attempt)
    except socket.gaierror as error:
        if what is ensure or error.errno != socket.EAI_NONAME:
            raise
        answer.log.warning("%s is gone, and its mappings with it", host)


def ensure(database, user, role):
    """The user may create tables in the schema of its name. Each statement is a transaction, and can be repeated."""
    name = identifier(user)
    if not database.execute(f"SELECT 1 FROM pg_roles WHERE rolname = {literal(user)}"):
        database.execute(f"CREATE ROLE {name} WITH LOGIN")
    if not is_mapped(database, user, role):
        database.execute(f"AWS IAM GRANT {name} TO {literal(role)}")
    if not database.execute(f"SELECT 1 FROM pg_namespace WHERE nspname = {literal(user)}"):
        database.execute(f"CREATE SCHEMA {name}")
    database.execute(f"GRANT USAGE, CREATE ON SCHEMA {name} TO {name}")


def remove(database, user, role):
    """The user and its tables stay: another front door may use them."""
    if is_mapped(database, user, role):
        database.execute(f"AWS IAM REVOKE {identifier(user)} FROM {literal(role)}")


def is_mapped(database, user, role):
    return database.execute(
        f"SELECT 1 FROM sys.iam_pg_role_mappings WHERE pg_role_name = {literal(user)} AND arn = {literal(role)}"
    )


def repeating(attempt):
    """Repeats what conflicts with others, and what the cluster refuses while the role's policy is new."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while True:
        try:
            return attempt()
        except (postgres.Refused, OSError) as error:
            if time.monotonic() > deadline or not may_pass(error):
                raise
            answer.log.info("again after %s", error)
            time.sleep(PAUSE_SECONDS)


def may_pass(error):
    """A statement that is wrong stays wrong; a log-in, a conflict and a connection may do better."""
    if isinstance(error, postgres.Refused):
        return error.code in CONFLICTS or error.code.startswith(("08", "28", "57"))
    return True


def identifier(name):
    """DSQL's own statements are not documented to take quotes, so a name that needs them is refused."""
    if not re.fullmatch("[a-z_][a-z0-9_]{0,62}", name):
        raise ValueError(f"{name!r} needs quotes")
    return name


def literal(text):
    return "'" + text.replace("'", "''") + "'"
