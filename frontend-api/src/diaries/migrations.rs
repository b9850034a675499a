//! The tables of diaries, their pictures, and idempotency keys.

use crate::database::{Migration, Migrations};

/// Versions from 300 on.
pub fn migrations() -> Migrations {
    Migrations::new(vec![
        // With the user first in the primary key, no plan walks other users' rows.
        Migration::atomic(
            301,
            "diaries",
            "CREATE TABLE diaries (
                 user_id bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                 id bigint GENERATED ALWAYS AS IDENTITY,
                 text text NOT NULL,
                 alt text NOT NULL DEFAULT '',
                 picture text,
                 created_at timestamptz NOT NULL DEFAULT now(),
                 updated_at timestamptz NOT NULL DEFAULT now(),
                 deleted_at timestamptz,
                 PRIMARY KEY (user_id, id)
             );
             CREATE INDEX diaries_deleted_at ON diaries (deleted_at) WHERE deleted_at IS NOT NULL",
        ),
        // A row is there before its object, and after it: a picture that has lost its diary waits for the sweep.
        Migration::atomic(
            302,
            "pictures",
            "CREATE TABLE pictures (
                 key text PRIMARY KEY,
                 state text NOT NULL,
                 bytes bigint NOT NULL DEFAULT 0,
                 created_at timestamptz NOT NULL DEFAULT now(),
                 owner bigint,
                 diary bigint,
                 FOREIGN KEY (owner, diary) REFERENCES diaries (user_id, id) ON DELETE SET NULL
             );
             CREATE INDEX pictures_owner ON pictures (owner, diary);
             CREATE INDEX pictures_to_remove ON pictures (created_at) WHERE state <> 'stored' OR diary IS NULL",
        ),
        Migration::atomic(
            303,
            "idempotency_keys",
            "CREATE TABLE idempotency_keys (
                 user_id bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                 key text NOT NULL,
                 attempt text NOT NULL,
                 created_at timestamptz NOT NULL DEFAULT now(),
                 digest bytea,
                 diary bigint,
                 diary_created_at timestamptz,
                 PRIMARY KEY (user_id, key)
             );
             CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at)",
        ),
    ])
    .used_by_requests(["diaries", "pictures", "idempotency_keys"])
}
