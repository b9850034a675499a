//! The table of users.

use crate::database::{Migration, Migrations};

/// Versions from 100 on.
pub fn migrations() -> Migrations {
    // Emails are ASCII. With another collation, lower('ADMIN') is another word in Turkish.
    let users = "CREATE TABLE users (
             id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
             email text NOT NULL,
             name text,
             password text NOT NULL,
             created_at timestamptz NOT NULL DEFAULT now(),
             updated_at timestamptz NOT NULL DEFAULT now()
         );
         CREATE UNIQUE INDEX users_email ON users (lower(email COLLATE \"C\"))";
    // Set while the sweep removes what belongs to the user. Earlier versions know nothing of it and show the user, without
    // an email, for that time.
    let deleted = "ALTER TABLE users ADD COLUMN deleted_at timestamptz;
         CREATE INDEX users_deleted_at ON users (deleted_at) WHERE deleted_at IS NOT NULL";
    Migrations::new(vec![Migration::atomic(101, "users", users), Migration::atomic(102, "users_deleted_at", deleted)])
        .used_by_requests(["users"])
}
