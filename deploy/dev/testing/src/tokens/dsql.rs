//! What DSQL does not take of PostgreSQL's SQL.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const LONGEST_QUERY: u32 = 16 << 20;

/// Forwards what the client sends. Statements that DSQL does not take become one that fails.
pub(super) async fn dress(
    client: &mut (impl AsyncRead + Unpin),
    server: &mut (impl AsyncWrite + Unpin),
) -> std::io::Result<()> {
    loop {
        let kind = client.read_u8().await?;
        let length = client.read_u32().await?;
        if !(4..=LONGEST_QUERY).contains(&length) {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        let mut body = vec![0; length as usize - 4];
        client.read_exact(&mut body).await?;
        // Query has the text alone, Parse a name before and types after it.
        let begin = match kind {
            b'Q' => Some(0),
            b'P' => body.iter().position(|byte| *byte == 0).map(|end| end + 1),
            _ => None,
        };
        if let Some(begin) = begin {
            let end = begin + body[begin..].iter().position(|byte| *byte == 0).unwrap_or_default();
            let sql = String::from_utf8_lossy(&body[begin..end]).into_owned();
            body.splice(begin..end, on_dsql(&sql).into_bytes());
        }
        let length = u32::try_from(body.len() + 4).expect("a message is not that long");
        server.write_all(&[&[kind][..], &length.to_be_bytes(), &body].concat()).await?;
    }
}

/// Returns what PostgreSQL is to run instead.
fn on_dsql(sql: &str) -> String {
    match refused(sql) {
        Some(what) => format!("SELECT \"DSQL refuses {what}\""),
        None => sql.replace(" INDEX ASYNC ", " INDEX "),
    }
}

/// Returns what DSQL's documentation says that it does not take.
fn refused(sql: &str) -> Option<&'static str> {
    const NEVER: [&str; 13] = [
        "pg_advisory",
        "pg_try_advisory",
        "CONCURRENTLY",
        "SKIP LOCKED",
        "FOR NO KEY",
        "FOR SHARE",
        "ctid",
        "bytea[]",
        "SAVEPOINT",
        "TRUNCATE",
        "CREATE TRIGGER",
        "LISTEN ",
        "COLLATE",
    ];
    const NEVER_IN_TABLES: [&str; 3] = ["bytea PRIMARY", "serial", "jsonb"];
    let statements: Vec<&str> = sql.split(';').map(str::trim).filter(|statement| !statement.is_empty()).collect();
    let changes_schema =
        |sql: &&&str| ["CREATE ", "ALTER ", "DROP "].iter().any(|begin| sql.to_uppercase().starts_with(begin));
    if let Some(what) = NEVER.iter().find(|what| sql.contains(**what)) {
        return Some(what);
    }
    if statements.iter().any(|statement| statement.starts_with("SET ")) {
        return Some("SET");
    }
    let change = statements.iter().find(changes_schema)?;
    match () {
        () if statements.len() > 1 => Some("a change of the schema beside another statement"),
        () if change.contains(" INDEX ") && change.starts_with("CREATE") && !change.contains(" INDEX ASYNC ") => {
            Some("CREATE INDEX without ASYNC")
        }
        () if change.contains(" INDEX ") && change.contains(" DESC") => Some("DESC in an index"),
        () if change.contains("IDENTITY") && !change.contains("IDENTITY (CACHE ") => Some("IDENTITY without CACHE"),
        () if change.contains("ADD COLUMN") && (change.contains("NOT NULL") || change.contains("DEFAULT")) => {
            Some("a new column with a default")
        }
        () => NEVER_IN_TABLES.iter().find(|what| change.contains(**what)).copied(),
    }
}
