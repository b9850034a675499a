//! Proves an identity by a password.

use causeway_common::telemetry::chain;
use secrecy::SecretString;

use super::error::UserError;
use super::passwords::{Password, Place};
use super::store::{self, Account};
use super::{User, Users};
use crate::auth::{Client, Counter};
use crate::database::{DatabaseError, Lane, Queries};

/// An attempt to prove an identity. It is counted, and has a place among the passwords that are hashed.
pub struct Attempt {
    account: Option<Account>,
    password: SecretString,
    counters: Vec<Counter>,
    place: Place,
}

/// Proof that the caller knew the password of this account a moment ago. It keeps the place of its attempt.
pub struct Proof {
    account: Account,
    counters: Vec<Counter>,
    place: Place,
}

impl Proof {
    /// The user.
    pub fn user(&self) -> &User {
        &self.account.user
    }

    /// The hash that the password had.
    pub(super) fn password(&self) -> &SecretString {
        &self.account.password
    }

    /// What the attempt counted for. It is to be given back.
    pub fn counters(&self) -> &[Counter] {
        &self.counters
    }

    /// Hashes a new password.
    pub(super) async fn hash(&self, password: Password) -> Result<SecretString, UserError> {
        self.place.hash(password).await
    }
}

impl Users {
    /// Begins to sign in the user with this email.
    ///
    /// # Errors
    /// If a limit is reached, or too many passwords wait.
    pub async fn attempt(&self, email: &str, password: &SecretString, client: &Client) -> Result<Attempt, UserError> {
        let counters = self.auth.attempts.of_sign_in(email, client);
        self.auth.attempts.count(&counters, client).await?;
        let found = async |connection: &_| store::find_by_email(connection, email).await;
        // PostgreSQL cannot store U+0000, so no user has an email with it.
        let account = if email.contains('\0') { None } else { self.database.run(Lane::Shared, found).await? };
        self.admit(account, password, counters).await
    }

    /// Begins to check the present password of a signed-in user. This counts as an attempt to sign in.
    pub(super) async fn attempt_again(
        &self,
        account: Account,
        password: Option<&SecretString>,
        client: &Client,
    ) -> Result<Attempt, UserError> {
        let password = password.ok_or(UserError::WrongPassword)?;
        let counters = self.auth.attempts.of_sign_in(&account.user.email, client);
        self.auth.attempts.count(&counters, client).await?;
        self.admit(Some(account), password, counters).await
    }

    async fn admit(
        &self,
        account: Option<Account>,
        password: &SecretString,
        counters: Vec<Counter>,
    ) -> Result<Attempt, UserError> {
        match self.passwords.admit() {
            Ok(place) => Ok(Attempt { account, password: password.clone(), counters, place }),
            Err(error) => {
                self.auth.attempts.withdraw(&counters).await?;
                Err(error)
            }
        }
    }

    /// Checks the password of an attempt. It takes as long if there is no such user.
    ///
    /// # Errors
    /// [`UserError::WrongCredentials`] if no user has this email, or the password is wrong.
    pub async fn prove(&self, attempt: Attempt, client: &Client) -> Result<Proof, UserError> {
        let Attempt { account, password, counters, place } = attempt;
        let user = account.as_ref().map(|account| account.user.id);
        let verdict = match place.verify(&password, account.as_ref().map(|account| &account.password)).await {
            Ok(verdict) => verdict,
            Err(error) => {
                self.auth.attempts.withdraw(&counters).await?;
                return Err(error);
            }
        };
        let Some(mut account) = account.filter(|_| verdict.matches) else {
            client.note("sign_in_failed", user);
            return Err(UserError::WrongCredentials);
        };
        if let Some(better) = verdict.better {
            let renew = async |connection: &_| store::renew(connection, &account, &better).await;
            match self.database.run(Lane::Shared, renew).await {
                Ok(true) => account.password = better,
                Ok(false) => {}
                // The password is right all the same, and the next sign-in tries again.
                Err(error) => tracing::debug!(error = chain(&error), "an outdated hash stays"),
            }
        }
        Ok(Proof { account, counters, place })
    }

    /// Returns false if the password has changed since, or the user is gone. Otherwise neither happens before the
    /// transaction has ended.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn holds(&self, transaction: &impl Queries, proof: &Proof) -> Result<bool, DatabaseError> {
        store::lock(transaction, proof.account.user.id, &proof.account.password).await
    }

    /// Gives the attempt of `proof` back if what the password was for failed for another reason.
    ///
    /// # Errors
    /// That of `result`.
    pub async fn settle<T>(&self, proof: &Proof, result: Result<T, UserError>) -> Result<T, UserError> {
        let is_other = |error: &UserError| !matches!(error, UserError::WrongPassword | UserError::WrongCredentials);
        if result.as_ref().is_err_and(is_other) {
            let succeeded = async |connection: &_| self.auth.attempts.succeeded(connection, &proof.counters).await;
            if let Err(error) = self.database.run(Lane::Shared, succeeded).await {
                tracing::debug!(error = chain(&error), "an attempt with a right password stays counted");
            }
        }
        result
    }
}
