# A PostgreSQL whose certificate the stand-in authority has signed, for compose.yaml and the fault tests. The
# context is deploy/rds-ca/server. POSTGRES_ID: the account that the server runs as; a key of another's is refused.
ARG POSTGRES=postgres:17-bookworm
FROM ${POSTGRES}
ARG POSTGRES_ID=999
COPY --chown=${POSTGRES_ID}:${POSTGRES_ID} server.crt server.key pg_hba.conf /tls/
