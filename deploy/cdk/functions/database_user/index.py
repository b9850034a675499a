"""Creates the application's database user, or brings an existing one in line. CloudFormation runs it when it
is first made and whenever its code changes.

It talks to the database through the RDS Data API. The password itself never leaves this function: the database is
given the SCRAM verifier that it would store anyway, so no log of statements can hold it. With IAM_USER there is no
password: the user logs in with tokens of the application's role.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import time

SCRAM_ITERATIONS = 4096
WAKE_UP_SECONDS = 120


def handler(_event, _context):
    import boto3  # here, so that the tests need no AWS SDK

    database = Database(
        client=boto3.client("rds-data"),
        cluster_arn=os.environ["CLUSTER_ARN"],
        master_secret_arn=os.environ["MASTER_SECRET_ARN"],
        name=os.environ["DATABASE"],
    )
    if "IAM_USER" in os.environ:
        ensure_user(database, os.environ["IAM_USER"], None)
        return
    store = boto3.client("secretsmanager")
    secret = json.loads(store.get_secret_value(SecretId=os.environ["APPLICATION_SECRET_ARN"])["SecretString"])
    ensure_user(database, secret["username"], secret["password"])


class Database:
    """Statements as the master, one after the other."""

    def __init__(self, client, cluster_arn, master_secret_arn, name):
        self._client = client
        self.name = name
        self._target = {"resourceArn": cluster_arn, "secretArn": master_secret_arn, "database": name}

    def execute(self, sql):
        """Runs one statement; a paused database answers with a special exception until it is awake."""
        deadline = time.monotonic() + WAKE_UP_SECONDS
        while True:
            try:
                return self._client.execute_statement(sql=sql, **self._target).get("records")
            except self._client.exceptions.DatabaseResumingException:
                if time.monotonic() > deadline:
                    raise
                time.sleep(3)


def ensure_user(database, user, password):
    """The user may connect, and create tables in the schema with the user's name, which is first on its search path.

    Without a password it has `rds_iam`: Aurora asks such users for tokens, and all others for passwords.
    """
    role, name = identifier(user), identifier(database.name)
    if not database.execute(f"SELECT 1 FROM pg_roles WHERE rolname = {literal(user)}"):
        database.execute(f"CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE")
    if password is None:
        database.execute(f"ALTER ROLE {role} PASSWORD NULL")
        database.execute(f"GRANT rds_iam TO {role}")
    else:
        verifier = scram_verifier(password, secrets.token_bytes(16))
        database.execute(f"ALTER ROLE {role} PASSWORD {literal(verifier)}")
        database.execute(f"REVOKE rds_iam FROM {role}")
    database.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    database.execute(f"GRANT CONNECT ON DATABASE {name} TO {role}")
    database.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    database.execute(f"CREATE SCHEMA IF NOT EXISTS {role}")
    database.execute(f"GRANT USAGE, CREATE ON SCHEMA {role} TO {role}")


def scram_verifier(password, salt):
    """What PostgreSQL keeps instead of a password: RFC 5803's form of SCRAM-SHA-256."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, SCRAM_ITERATIONS)
    stored_key = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    salt, stored_key, server_key = (base64.b64encode(part).decode() for part in (salt, stored_key, server_key))
    return f"SCRAM-SHA-256${SCRAM_ITERATIONS}:{salt}${stored_key}:{server_key}"


def identifier(name):
    return '"' + name.replace('"', '""') + '"'


def literal(text):
    return "'" + text.replace("'", "''") + "'"
