//! The table that visits are stored in.

use crate::database::{Migration, Migrations};

/// `TABLE_NAME`, checked, so that it can stand in SQL between double quotes.
#[derive(Debug, Clone)]
pub struct TableName(String);

impl TableName {
    /// Leaves room for the suffixes of the index and the migrations' history within PostgreSQL's 63 bytes.
    const LONGEST: usize = 40;
    /// The tables and indexes that are not of visits, and the histories.
    const TAKEN: &[&str] = &[
        "attempts",
        "causeway_migrations",
        "diaries",
        "diaries_deleted_at",
        "idempotency_keys",
        "idempotency_keys_created_at",
        "leases",
        "pictures",
        "pictures_owner",
        "pictures_to_remove",
        "sessions",
        "sessions_user_id",
        "users",
        "users_deleted_at",
        "users_email",
        "refinery_schema_history",
    ];

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let starts_well = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        if !(starts_well && text.len() <= Self::LONGEST && text.chars().all(plain)) {
            return Err(format!(
                "{text:?} is not a table's name: at most {} of a-z, 0-9 and _, not starting with a digit",
                Self::LONGEST
            ));
        }
        if text.starts_with("pg_") {
            return Err(format!("{text:?} is not usable: PostgreSQL reserves names that begin with pg_"));
        }
        if Self::TAKEN.contains(&text)
            || ["_migrations", "_last_update", "_newest", "_pkey", "_id_seq"]
                .iter()
                .any(|suffix| text.ends_with(suffix))
        {
            return Err(format!("{text:?} is not usable: another table or index of this service can have that name"));
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the name of the table that has the migrations' history.
    pub fn history(&self) -> String {
        format!("{}_migrations", self.0)
    }

    /// The table and its index. The history has the table's name in its own: the text of the migration, and so its
    /// checksum, depends on that name.
    ///
    /// The first version's index is descending. New rows go to its first page, and PostgreSQL splits a full first page in half.
    /// It fills the last page completely, so that an ascending index takes about half the space.
    pub fn migrations(&self) -> Migrations {
        let name = &self.0;
        let visits = format!(
            "CREATE TABLE IF NOT EXISTS {self} (last_update TIMESTAMP, user_agent VARCHAR(250));
         CREATE INDEX IF NOT EXISTS {name}_last_update ON {self} (last_update DESC);"
        );
        let newest = Migration::index(2, "newest", format!("{name}_newest"), &format!("{self} (last_update)"));
        let old =
            Migration::background(3, "descending", format!("DROP INDEX CONCURRENTLY IF EXISTS {name}_last_update"));
        // On DSQL rows lie in the order of the key. One that rises would send all inserts to one place.
        let on_dsql = format!(
            "CREATE TABLE {self} (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), last_update TIMESTAMP, \
             user_agent VARCHAR(250))"
        );
        let list = vec![Migration::atomic(1, "visits", visits).on_dsql(on_dsql), newest, old];
        Migrations::recorded_in(self.history(), list).used_by_requests([self.to_string()])
    }
}

impl Default for TableName {
    fn default() -> Self {
        Self("access".to_owned())
    }
}

impl std::fmt::Display for TableName {
    /// The name as SQL wants it: in double quotes.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_sql_or_another_table_would_trip_over_are_refused() {
        let longest = "a".repeat(40);
        for name in ["access", "order", "_visits", "users_of_mine", "visits2", &longest] {
            assert_eq!(TableName::parse(name).unwrap().to_string(), format!("\"{name}\""));
        }
        let too_long = "a".repeat(41);
        for name in [
            "",
            "1st",
            "Access",
            "a b",
            "a\"",
            &too_long,
            "pg_visits",
            "users",
            "causeway_migrations",
            "a_migrations",
            "a_last_update",
            "a_newest",
            "a_pkey",
            "a_id_seq",
        ] {
            TableName::parse(name).unwrap_err();
        }
    }
}
