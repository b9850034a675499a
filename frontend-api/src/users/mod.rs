//! Users: they can sign in, and have an email and a name.
//!
//! No answer, log line or error has a password or its hash. A request that changes an email or a password, or deletes an
//! account, must send the present password; it ends all sessions, because one of them may be stolen.

mod change;
mod error;
mod fields;
mod guarded;
pub mod handlers;
mod metrics;
mod migrations;
mod passwords;
mod proof;
mod store;
mod view;

use std::sync::Arc;

use actix_web::web::Data;
use causeway_common::config::{Group, Var, Vars};
use causeway_common::tasks::{Tasks, finish};
use secrecy::SecretString;
use tokio::sync::Notify;

pub use self::change::Change;
use self::change::keep;
pub use self::error::{KINDS, UserError};
use self::fields::{Email, Name};
pub use self::migrations::migrations;
use self::passwords::{Password, Passwords};
pub use self::proof::Attempt;
pub use self::store::{Page, User};
pub use self::view::{Answer, Timestamp};
use crate::auth::{Auth, Client, Opened, UserId};
use crate::database::{Database, DatabaseError, Lane};

const PASSWORD_QUEUE: Var<usize> = Var::int(
    "PASSWORD_QUEUE",
    128,
    1..=100_000,
    "Number of requests that may wait for their password to be hashed, two at a time, or to do what it was for; further \
     requests get a 503.",
);

/// How many passwords may wait.
#[derive(Debug)]
pub struct UsersConfig {
    password_queue: usize,
}

impl UsersConfig {
    /// Its variables.
    pub const VARIABLES: Group = Group { title: "Users", variables: &[&PASSWORD_QUEUE] };

    /// Reads [`Self::VARIABLES`].
    pub fn load(vars: &mut Vars<'_>) -> Self {
        Self { password_queue: vars.read(&PASSWORD_QUEUE) }
    }
}

/// A new user.
#[derive(Debug)]
pub struct NewUser {
    pub email: String,
    pub password: SecretString,
    pub name: Option<String>,
}

/// A user after a change.
#[derive(Debug)]
pub struct Changed {
    pub user: User,
    /// The caller's new session, if all sessions ended.
    pub opened: Option<Opened>,
}

/// The users.
#[derive(Clone)]
pub struct Users {
    database: Database,
    auth: Data<Auth>,
    passwords: Arc<Passwords>,
    deleted: Arc<Notify>,
}

impl Users {
    /// Adds the task to `tasks` that frees the memory for passwords when it is idle.
    pub fn new(config: &UsersConfig, database: &Database, auth: &Data<Auth>, tasks: &mut Tasks) -> Self {
        let passwords = Arc::new(Passwords::new(config.password_queue));
        tasks.spawn("memory for passwords", passwords.clone().free_when_idle());
        Self { database: database.clone(), auth: auth.clone(), passwords, deleted: Arc::default() }
    }

    /// Returns what is notified when a user is deleted, so that the user's pictures can be removed.
    pub fn deleted(&self) -> Arc<Notify> {
        self.deleted.clone()
    }

    /// Creates a user.
    ///
    /// # Errors
    /// If a field is not accepted, the email belongs to a user, or a limit is reached.
    pub async fn create(&self, new: &NewUser, client: &Client) -> Result<User, UserError> {
        let mut refused = Vec::new();
        let email = keep(Email::parse(&new.email), &mut refused);
        let name = keep(Name::parse(new.name.as_deref().unwrap_or_default()), &mut refused);
        let password = keep(Password::chosen(&new.password, &new.email), &mut refused);
        let (Some(email), Some(name), Some(password)) = (email, name, password) else {
            return Err(UserError::Refused(refused));
        };
        self.auth.attempts.count(&self.auth.attempts.of_sign_up(client), client).await?;
        let taken = async |connection: &_| store::find_by_email(connection, email.as_str()).await;
        if self.database.run(Lane::Shared, taken).await?.is_some() {
            return Err(UserError::EmailTaken);
        }
        let place = self.passwords.admit()?;
        let (database, client) = (self.database.clone(), client.clone());
        let work = async move {
            let hash = place.hash(password).await?;
            let insert = async |connection: &_| store::insert(connection, &email, &name, &hash).await;
            let user = database.run(Lane::Shared, insert).await.map_err(UserError::of_write)?;
            client.note("user_created", Some(user.id));
            Ok(user)
        };
        finish(work).await?
    }

    /// Returns up to `limit` users whose ids are greater than `after`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list(&self, after: i64, limit: u16) -> Result<Page, DatabaseError> {
        self.database.run(Lane::Shared, async |connection| store::list(connection, after, limit).await).await
    }

    /// Returns the users with ids below `before`, the newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn newest(&self, before: i64, limit: u16) -> Result<Page, DatabaseError> {
        self.database.run(Lane::Shared, async |connection| store::newest(connection, before, limit).await).await
    }

    /// Returns the user with this id.
    ///
    /// # Errors
    /// If there is none.
    pub async fn find(&self, id: UserId) -> Result<User, UserError> {
        let found = async |connection: &_| store::find(connection, id).await;
        self.database.run(Lane::Shared, found).await?.map(|account| account.user).ok_or(UserError::NotFound)
    }
}
