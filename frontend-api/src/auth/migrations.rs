//! The tables of sessions and attempts, and the leases of work that only one instance may do.

use crate::database::{Migration, Migrations};

/// Versions from 200 on.
pub fn migrations() -> Migrations {
    Migrations::new(vec![
        // The primary key serves the look-up of each request, the index what a user's list and limit need. Nothing is
        // indexed by `last_seen`, so that writing it does not touch an index.
        Migration::atomic(
            201,
            "sessions",
            "CREATE TABLE sessions (
                 token_hash bytea PRIMARY KEY,
                 id bigint GENERATED ALWAYS AS IDENTITY,
                 user_id bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                 user_agent text,
                 created_at timestamptz NOT NULL DEFAULT now(),
                 last_seen timestamptz NOT NULL DEFAULT now()
             );
             CREATE UNIQUE INDEX sessions_user_id ON sessions (user_id, id)",
        ),
        Migration::atomic(
            202,
            "attempts",
            "CREATE TABLE attempts (key bytea PRIMARY KEY, n int NOT NULL, ends_at timestamptz NOT NULL)",
        ),
        Migration::atomic(
            203,
            "leases",
            "CREATE TABLE leases (name text PRIMARY KEY, holder text NOT NULL, expires_at timestamptz NOT NULL)",
        ),
    ])
    .used_by_requests(["sessions", "attempts"])
}
