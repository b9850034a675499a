//! Changing and deleting an account. The part from the proof to the note in the log goes on if the caller leaves.

use causeway_common::tasks::finish;
use secrecy::SecretString;

use super::change::Change;
use super::error::UserError;
use super::passwords::Password;
use super::proof::{Attempt, Proof};
use super::store::{self, Account, Changes, User};
use super::{Changed, Users};
use crate::auth::{Caller, Client, UserId};
use crate::database::Lane;

impl Users {
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
        if password.is_none() && fields.email.is_none() {
            let user =
                self.database.run(Lane::Shared, async |c| store::update(c, id, &fields, None, None).await).await?;
            return Ok(Changed { user: user.ok_or(UserError::NotFound)?, opened: None });
        }
        let attempt = match caller {
            Caller::User(_) => Some(self.attempt_again(account, change.current_password.as_ref(), client).await?),
            Caller::Admin => None,
        };
        let (users, client) = (self.clone(), client.clone());
        let work = async move {
            let proof = users.prove_again(attempt, &client).await?;
            let changed = users.write(id, &fields, password, proof.as_ref(), &client).await;
            users.settle_again(proof.as_ref(), changed).await
        };
        finish(work).await?
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
        let attempt = match caller {
            Caller::User(_) => Some(self.attempt_again(account, current_password, client).await?),
            Caller::Admin => None,
        };
        let (users, client) = (self.clone(), client.clone());
        let work = async move {
            let proof = users.prove_again(attempt, &client).await?;
            let deleted = users.remove(id, proof.as_ref(), &client).await;
            users.settle_again(proof.as_ref(), deleted).await
        };
        finish(work).await?
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

    /// Checks the present password, except for the admin, who needs none.
    async fn prove_again(&self, attempt: Option<Attempt>, client: &Client) -> Result<Option<Proof>, UserError> {
        let Some(attempt) = attempt else { return Ok(None) };
        let proof = self.prove(attempt, client).await.map_err(|error| match error {
            UserError::WrongCredentials => UserError::WrongPassword,
            error => error,
        })?;
        Ok(Some(proof))
    }

    async fn settle_again<T>(&self, proof: Option<&Proof>, result: Result<T, UserError>) -> Result<T, UserError> {
        match proof {
            Some(proof) => self.settle(proof, result).await,
            None => result,
        }
    }

    /// Changes an email or a password, and ends all sessions.
    async fn write(
        &self,
        id: UserId,
        fields: &Changes,
        password: Option<Password>,
        proof: Option<&Proof>,
        client: &Client,
    ) -> Result<Changed, UserError> {
        let hash = match (password, proof) {
            (Some(password), Some(proof)) => Some(proof.hash(password).await?),
            (Some(password), None) => Some(self.passwords.admit()?.hash(password).await?),
            (None, _) => None,
        };
        let changed = self.database.repeating(async |transaction| {
            let expected = proof.map(Proof::password);
            let user = store::update(transaction, id, fields, hash.as_ref(), expected).await?;
            let user = user.ok_or(if expected.is_some() { UserError::WrongPassword } else { UserError::NotFound })?;
            self.auth.end_all(transaction, id).await?;
            let Some(proof) = proof else { return Ok(Changed { user, opened: None }) };
            self.auth.attempts.succeeded(transaction, proof.counters()).await?;
            let opened = self.auth.open(transaction, id, client.user_agent()).await?;
            Ok(Changed { user, opened: Some(opened) })
        });
        let changed = changed.await.map_err(|error| match error {
            UserError::Database(error) => UserError::of_write(error),
            error => error,
        })?;
        if hash.is_some() {
            client.note("password_changed", Some(id));
        }
        Ok(changed)
    }

    async fn remove(&self, id: UserId, proof: Option<&Proof>, client: &Client) -> Result<User, UserError> {
        let deleted = self.database.repeating(async |transaction| {
            let expected = proof.map(Proof::password);
            let user = store::delete(transaction, id, expected).await?;
            let user = user.ok_or(if expected.is_some() { UserError::WrongPassword } else { UserError::NotFound })?;
            self.auth.end_all(transaction, id).await?;
            if let Some(proof) = proof {
                self.auth.attempts.succeeded(transaction, proof.counters()).await?;
            }
            Ok::<_, UserError>(user)
        });
        let user = deleted.await?;
        client.note("user_deleted", Some(id));
        self.deleted.notify_one();
        Ok(user)
    }
}
