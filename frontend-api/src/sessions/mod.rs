//! Sessions: signing in and out.

mod error;
pub mod handlers;

use actix_web::web::Data;
use causeway_common::tasks::finish;
use secrecy::SecretString;

use self::error::SessionError;
use crate::auth::{Auth, Client, Listed, Opened, Session, SessionId, TokenHash};
use crate::database::{Database, DatabaseError};
use crate::users::{Attempt, UserError, Users};

/// Signs in and out.
#[derive(Clone)]
pub struct Sessions {
    database: Database,
    auth: Data<Auth>,
    users: Data<Users>,
}

impl Sessions {
    pub fn new(database: &Database, auth: &Data<Auth>, users: &Data<Users>) -> Self {
        Self { database: database.clone(), auth: auth.clone(), users: users.clone() }
    }

    /// Opens a session for the user with this email and this password, and ends the one whose cookie the browser sent.
    ///
    /// # Errors
    /// If no user has them, or a limit is reached.
    pub async fn open(
        &self,
        email: &str,
        password: &SecretString,
        before: Option<TokenHash>,
        client: &Client,
    ) -> Result<Opened, UserError> {
        let attempt = self.users.attempt(email, password, client).await?;
        let (sessions, client) = (self.clone(), client.clone());
        // It goes on if the caller leaves, so that no session is opened and no failure happens without a note.
        finish(async move { sessions.prove_and_open(attempt, before, &client).await }).await?
    }

    async fn prove_and_open(
        &self,
        attempt: Attempt,
        before: Option<TokenHash>,
        client: &Client,
    ) -> Result<Opened, UserError> {
        let proof = self.users.prove(attempt, client).await?;
        let opened = self.database.repeating(async |transaction| {
            // If the password changed while it was hashed, all sessions ended, and this sign-in must not open a new one.
            if !self.users.holds(transaction, &proof).await? {
                return Err(UserError::WrongCredentials);
            }
            self.auth.attempts.succeeded(transaction, proof.counters()).await?;
            let presented = match before {
                Some(before) => self.auth.end_presented(transaction, before).await?,
                None => None,
            };
            Ok((self.auth.open(transaction, proof.user().id, client.user_agent()).await?, presented))
        });
        let (opened, presented) = self.users.settle(&proof, opened.await).await?;
        client.note("sign_in", Some(proof.user().id));
        let oldest = (0..opened.ended).map(|_| proof.user().id);
        for user in presented.into_iter().chain(oldest) {
            client.note("session_ended", Some(user));
        }
        Ok(opened)
    }

    /// Returns the sessions of the signed-in user, the newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list(&self, session: Session) -> Result<Vec<Listed>, DatabaseError> {
        self.auth.sessions_of(session.user).await
    }

    /// Ends a session of the caller.
    ///
    /// # Errors
    /// If there is none with this id.
    pub async fn end(&self, session: Session, id: SessionId, client: &Client) -> Result<(), SessionError> {
        if !self.auth.end(session.user, id).await? {
            return Err(SessionError::NotFound);
        }
        client.note("session_ended", Some(session.user));
        Ok(())
    }

    /// Ends all sessions of the caller but this one.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end_others(&self, session: Session, client: &Client) -> Result<(), DatabaseError> {
        if self.auth.end_others(session.user, session.id).await? > 0 {
            client.note("other_sessions_ended", Some(session.user));
        }
        Ok(())
    }
}
