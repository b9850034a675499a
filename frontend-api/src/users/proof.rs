//! Proves an identity by a password.

use causeway_common::telemetry::chain;
use secrecy::SecretString;

use super::error::UserError;
use super::store::{self, Account};
use super::{User, Users};
use crate::auth::{Client, Counter};
use crate::database::{DatabaseError, Lane, Queries};

/// Proof that the caller knew the password of this account a moment ago.
#[derive(Debug)]
pub struct Proof {
    account: Account,
    counters: Vec<Counter>,
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
}

impl Users {
    /// Checks the password of the user with this email. It takes as long if there is no such user.
    ///
    /// # Errors
    /// [`UserError::WrongCredentials`] if no user has this email, or the password is wrong.
    pub async fn prove(&self, email: &str, password: &SecretString, client: &Client) -> Result<Proof, UserError> {
        let counters = self.auth.attempts.of_sign_in(email, client);
        self.auth.attempts.count(&counters, client).await?;
        let found = async |connection: &_| store::find_by_email(connection, email).await;
        // PostgreSQL cannot store U+0000, so no user has an email with it.
        let account = if email.contains('\0') { None } else { self.database.run(Lane::Shared, found).await? };
        let user = account.as_ref().map(|account| account.user.id);
        match self.check(account, password, counters).await? {
            Some(proof) => Ok(proof),
            None => {
                client.note("sign_in_failed", user);
                Err(UserError::WrongCredentials)
            }
        }
    }

    /// Checks the present password of a signed-in user. This counts as an attempt to sign in.
    pub(super) async fn prove_again(
        &self,
        account: Account,
        password: Option<&SecretString>,
        client: &Client,
    ) -> Result<Proof, UserError> {
        let password = password.ok_or(UserError::WrongPassword)?;
        let counters = self.auth.attempts.of_sign_in(&account.user.email, client);
        self.auth.attempts.count(&counters, client).await?;
        let user = account.user.id;
        match self.check(Some(account), password, counters).await? {
            Some(proof) => Ok(proof),
            None => {
                client.note("sign_in_failed", Some(user));
                Err(UserError::WrongPassword)
            }
        }
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

    async fn check(
        &self,
        account: Option<Account>,
        password: &SecretString,
        counters: Vec<Counter>,
    ) -> Result<Option<Proof>, UserError> {
        let stored = account.as_ref().map(|account| &account.password);
        let verdict = match self.passwords.verify(password, stored).await {
            Ok(verdict) => verdict,
            Err(error) => {
                self.auth.attempts.withdraw(&counters).await?;
                return Err(error);
            }
        };
        let Some(mut account) = account.filter(|_| verdict.matches) else { return Ok(None) };
        if let Some(better) = verdict.better {
            let renew = async |connection: &_| store::renew(connection, &account, &better).await;
            match self.database.run(Lane::Shared, renew).await {
                Ok(true) => account.password = better,
                Ok(false) => {}
                // The password is right all the same, and the next sign-in tries again.
                Err(error) => tracing::debug!(error = chain(&error), "an outdated hash stays"),
            }
        }
        Ok(Some(Proof { account, counters }))
    }
}
