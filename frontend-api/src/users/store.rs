//! The SQL of users.

use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use tokio_postgres::Row;

use super::fields::{Email, Name};
use crate::auth::UserId;
use crate::database::{DatabaseError, Queries};

/// The unique index of emails.
pub(super) const EMAIL_INDEX: &str = "users_email";

macro_rules! columns {
    () => {
        "id, email, name, created_at, updated_at"
    };
}

/// A user.
#[derive(Debug, Clone)]
pub struct User {
    pub id: UserId,
    pub email: String,
    pub name: Option<String>,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

/// A user with the hash of the password.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) user: User,
    pub(super) password: SecretString,
}

/// Some users, in the order in which they were asked for.
#[derive(Debug)]
pub struct Page {
    pub users: Vec<User>,
    /// Whether there are users after these.
    pub more: bool,
}

/// The changes of a user besides the password.
#[derive(Debug)]
pub(super) struct Changes {
    pub(super) email: Option<Email>,
    /// An empty one removes the name.
    pub(super) name: Option<Name>,
}

pub(super) async fn insert(
    queries: &impl Queries,
    email: &Email,
    name: &Name,
    password: &SecretString,
) -> Result<User, DatabaseError> {
    let sql =
        concat!("INSERT INTO users (email, name, password) VALUES ($1, nullif($2, ''), $3) RETURNING ", columns!());
    user(&queries.query_one(sql, &[&email.as_str(), &name.as_str(), &password.expose_secret()]).await?)
}

pub(super) async fn list(queries: &impl Queries, after: i64, limit: u16) -> Result<Page, DatabaseError> {
    let sql = concat!("SELECT ", columns!(), " FROM users WHERE id > $1 AND deleted_at IS NULL ORDER BY id LIMIT $2");
    page(&queries.query(sql, &[&after, &(i64::from(limit) + 1)]).await?, limit)
}

pub(super) async fn newest(queries: &impl Queries, before: i64, limit: u16) -> Result<Page, DatabaseError> {
    let sql =
        concat!("SELECT ", columns!(), " FROM users WHERE id < $1 AND deleted_at IS NULL ORDER BY id DESC LIMIT $2");
    page(&queries.query(sql, &[&before, &(i64::from(limit) + 1)]).await?, limit)
}

/// Returns the page of rows that are at most one more than `limit`.
fn page(rows: &[Row], limit: u16) -> Result<Page, DatabaseError> {
    let more = rows.len() > usize::from(limit);
    let users = rows.iter().take(usize::from(limit)).map(user).collect::<Result<_, _>>()?;
    Ok(Page { users, more })
}

pub(super) async fn find(queries: &impl Queries, id: UserId) -> Result<Option<Account>, DatabaseError> {
    let sql = concat!("SELECT ", columns!(), ", password FROM users WHERE id = $1 AND deleted_at IS NULL");
    queries.query_opt(sql, &[&id.get()]).await?.as_ref().map(account).transpose()
}

pub(super) async fn find_by_email(queries: &impl Queries, email: &str) -> Result<Option<Account>, DatabaseError> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        ", password FROM users WHERE lower(email COLLATE \"C\") = lower($1::text COLLATE \"C\") AND deleted_at IS NULL"
    );
    queries.query_opt(sql, &[&email]).await?.as_ref().map(account).transpose()
}

/// Changes the user, if the password still has the hash `expected`. Returns the user, if there was one to change.
pub(super) async fn update(
    queries: &impl Queries,
    id: UserId,
    fields: &Changes,
    password: Option<&SecretString>,
    expected: Option<&SecretString>,
) -> Result<Option<User>, DatabaseError> {
    let sql = concat!(
        "UPDATE users SET email = coalesce($2, email), \
         name = CASE WHEN $3::text IS NULL THEN name ELSE nullif($3, '') END, \
         password = coalesce($4, password), updated_at = now() \
         WHERE id = $1 AND deleted_at IS NULL AND ($5::text IS NULL OR password = $5) RETURNING ",
        columns!()
    );
    let email = fields.email.as_ref().map(Email::as_str);
    let name = fields.name.as_ref().map(Name::as_str);
    let password = password.map(ExposeSecret::expose_secret);
    let expected = expected.map(ExposeSecret::expose_secret);
    let row = queries.query_opt(sql, &[&id.get(), &email, &name, &password, &expected]).await?;
    row.as_ref().map(user).transpose()
}

/// Deletes the user, if the password still has the hash `expected`: nothing that says who it was stays, and the email is free.
/// The row goes with the next sweep, after the user's diaries, which may be too many for one transaction.
pub(super) async fn delete(
    queries: &impl Queries,
    id: UserId,
    expected: Option<&SecretString>,
) -> Result<Option<User>, DatabaseError> {
    let sql = "WITH old AS (SELECT id, email, name, created_at, updated_at FROM users \
                   WHERE id = $1 AND deleted_at IS NULL AND ($2::text IS NULL OR password = $2) FOR UPDATE) \
               UPDATE users SET deleted_at = now(), email = 'deleted ' || users.id, name = NULL, password = '' \
               FROM old WHERE users.id = old.id \
               RETURNING old.id, old.email, old.name, old.created_at, old.updated_at";
    let expected = expected.map(ExposeSecret::expose_secret);
    queries.query_opt(sql, &[&id.get(), &expected]).await?.as_ref().map(user).transpose()
}

/// Locks the user, if the password still has this hash.
pub(super) async fn lock(queries: &impl Queries, id: UserId, password: &SecretString) -> Result<bool, DatabaseError> {
    let sql = "SELECT 1 FROM users WHERE id = $1 AND password = $2 AND deleted_at IS NULL FOR NO KEY UPDATE";
    Ok(queries.query_opt(sql, &[&id.get(), &password.expose_secret()]).await?.is_some())
}

/// Replaces the hash of the same password. Returns false if the password has changed meanwhile.
pub(super) async fn renew(
    queries: &impl Queries,
    account: &Account,
    password: &SecretString,
) -> Result<bool, DatabaseError> {
    let sql = "UPDATE users SET password = $3 WHERE id = $1 AND password = $2";
    let (old, new) = (account.password.expose_secret(), password.expose_secret());
    Ok(queries.execute(sql, &[&account.user.id.get(), &old, &new]).await? > 0)
}

fn account(row: &Row) -> Result<Account, DatabaseError> {
    let password: String = row.try_get("password").map_err(DatabaseError::Decode)?;
    Ok(Account { user: user(row)?, password: password.into() })
}

fn user(row: &Row) -> Result<User, DatabaseError> {
    let read = || {
        Ok(User {
            id: UserId::of_row(row.try_get("id")?),
            email: row.try_get("email")?,
            name: row.try_get("name")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    };
    read().map_err(DatabaseError::Decode)
}
