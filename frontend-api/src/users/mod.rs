//! Users: they can sign in, and have an email and a name.
//!
//! No answer, log line or error has a password or its hash. A request that changes an email or a password, or deletes an
//! account, must send the present password; it ends all sessions, because one of them may be stolen.

mod change;
mod error;
mod fields;
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
use causeway_common::tasks::Tasks;
use secrecy::SecretString;
use tokio::sync::Notify;

pub use self::change::Change;
use self::change::keep;
pub use self::error::{KINDS, UserError};
use self::fields::{Email, Name};
pub use self::migrations::migrations;
use self::passwords::{Password, Passwords};
pub use self::proof::Proof;
use self::store::{Account, Changes};
pub use self::store::{Page, User};
pub use self::view::{Answer, Timestamp};
use crate::auth::{Auth, Caller, Client, Opened, UserId};
use crate::database::{Database, DatabaseError, Lane};

const PASSWORD_QUEUE: Var<usize> = Var::int(
    "PASSWORD_QUEUE",
    128,
    1..=100_000,
    "Number of requests that may wait for their password to be hashed, two at a time; further requests get a 503.",
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
        let hash = self.passwords.hash(password).await?;
        let insert = async |connection: &_| store::insert(connection, &email, &name, &hash).await;
        let user = self.database.run(Lane::Shared, insert).await.map_err(UserError::of_write)?;
        client.note("user_created", Some(user.id));
        Ok(user)
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

    /// Changes a user. A new email or password ends all sessions of that user; a caller who is that user gets a new one.
    ///
    /// # Errors
    /// If the caller may not, a field is not accepted, the email belongs to another user, or the present password is
    /// wrong.
    pub async fn change(
        &self,
        caller: Caller,
        id: UserId,
        change: &Change,
        client: &Client,
    ) -> Result<Changed, UserError> {
        let account = self.account_for(caller, id, client).await?;
        let (fields, password) = change.accept(&account.user.email)?;
        let guarded = password.is_some() || fields.email.is_some();
        let proof = match caller {
            Caller::User(_) if guarded => {
                Some(self.prove_again(account, change.current_password.as_ref(), client).await?)
            }
            _ => None,
        };
        let changed = self.hash_and_write(id, &fields, password, proof.as_ref(), guarded, client).await;
        match &proof {
            Some(proof) => self.settle(proof, changed).await,
            None => changed,
        }
    }

    async fn hash_and_write(
        &self,
        id: UserId,
        fields: &Changes,
        password: Option<Password>,
        proof: Option<&Proof>,
        ends_sessions: bool,
        client: &Client,
    ) -> Result<Changed, UserError> {
        let hash = match password {
            Some(password) => Some(self.passwords.hash(password).await?),
            None => None,
        };
        let changed = self.write(id, fields, hash.as_ref(), proof, ends_sessions, client).await?;
        if hash.is_some() {
            client.note("password_changed", Some(id));
        }
        Ok(changed)
    }

    async fn write(
        &self,
        id: UserId,
        fields: &Changes,
        hash: Option<&SecretString>,
        proof: Option<&Proof>,
        ends_sessions: bool,
        client: &Client,
    ) -> Result<Changed, UserError> {
        let changed = self.database.repeating(async |transaction| {
            let expected = proof.map(Proof::password);
            let user = store::update(transaction, id, fields, hash, expected).await?;
            let user = user.ok_or(if expected.is_some() { UserError::WrongPassword } else { UserError::NotFound })?;
            if ends_sessions {
                self.auth.end_all(transaction, id).await?;
            }
            let Some(proof) = proof else { return Ok(Changed { user, opened: None }) };
            self.auth.attempts.succeeded(transaction, proof.counters()).await?;
            let opened = self.auth.open(transaction, id, client.user_agent()).await?;
            Ok(Changed { user, opened: Some(opened) })
        });
        changed.await.map_err(|error| match error {
            UserError::Database(error) => UserError::of_write(error),
            error => error,
        })
    }

    /// Removes a user, and returns what the user was. Account and sessions are gone at once; what else belongs to the user
    /// goes with the sweep that follows.
    ///
    /// # Errors
    /// If the caller may not, or the present password is wrong.
    pub async fn delete(
        &self,
        caller: Caller,
        id: UserId,
        current_password: Option<&SecretString>,
        client: &Client,
    ) -> Result<User, UserError> {
        let account = self.account_for(caller, id, client).await?;
        let proof = match caller {
            Caller::User(_) => Some(self.prove_again(account, current_password, client).await?),
            Caller::Admin => None,
        };
        let deleted = self.database.repeating(async |transaction| {
            let expected = proof.as_ref().map(Proof::password);
            let user = store::delete(transaction, id, expected).await?;
            let user = user.ok_or(if expected.is_some() { UserError::WrongPassword } else { UserError::NotFound })?;
            self.auth.end_all(transaction, id).await?;
            if let Some(proof) = &proof {
                self.auth.attempts.succeeded(transaction, proof.counters()).await?;
            }
            Ok::<_, UserError>(user)
        });
        let user = match &proof {
            Some(proof) => self.settle(proof, deleted.await).await?,
            None => deleted.await?,
        };
        client.note("user_deleted", Some(id));
        self.deleted.notify_one();
        Ok(user)
    }

    /// Returns the account if `caller` may change it.
    async fn account_for(&self, caller: Caller, id: UserId, client: &Client) -> Result<Account, UserError> {
        match caller {
            Caller::User(session) if session.user != id => return Err(UserError::NotYours),
            Caller::User(_) => {}
            Caller::Admin => client.note("admin_used", Some(id)),
        }
        let found = async |connection: &_| store::find(connection, id).await;
        self.database.run(Lane::Shared, found).await?.ok_or(UserError::NotFound)
    }
}
