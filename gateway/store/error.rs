//! What can go wrong in the store. Knows nothing of HTTP, and never carries a value that was bound.

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database URL is not understood.
    #[error("the database url is not usable: {reason}")]
    Url {
        /// What is wrong with it, without its password.
        reason: &'static str,
    },
    /// The database cannot be reached, is full, read-only, damaged, or shutting down. Answer 503.
    #[error("the database is not available: {reason}")]
    Unavailable {
        /// The kind of failure, or the engine's code.
        reason: String,
    },
    /// Another writer was in the way (deadlock, serialisation, lock wait). The same call may succeed again.
    #[error("the database is busy, code `{code}`")]
    Busy {
        /// SQLSTATE or `SQLite` result code.
        code: String,
    },
    /// A row with this key exists.
    #[error("a row with the same key exists in `{table}`")]
    Conflict {
        /// The table, where the engine tells.
        table: String,
    },
    /// The engine did not accept the statement: a defect of ours. The text speaks of names only.
    #[error("the database refused a statement, code `{code}`: {message}")]
    Statement {
        /// SQLSTATE or `SQLite` result code.
        code: String,
        /// The engine's message; it stems from parsing, before any value is looked at.
        message: String,
    },
    /// The engine refused a value (a check, a type, a range). The message is withheld: it may quote the value.
    #[error("the database refused a value, code `{code}`")]
    Value {
        /// SQLSTATE or `SQLite` result code.
        code: String,
    },
    /// A row does not have the shape the code expects at this column.
    #[error("column {column} of an answer has another type than expected")]
    Shape {
        /// Its place, from 0.
        column: usize,
    },
    /// The database was made by a newer version of this program.
    #[error("the database has schema version {found}, newer than {known}, the newest this program knows")]
    NewerSchema {
        /// The version in the database.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// A migration failed, or was changed after it had been applied.
    #[error("migration {version} failed: {reason}")]
    Migration {
        /// Its number; 0 where it is not known.
        version: i64,
        /// Why.
        reason: String,
    },
    /// A dataset's field changed to a type that is stored in another way; that needs another name.
    #[error(
        "field `{field}` of dataset `{dataset}` is stored as another type; give the new field a new name"
    )]
    FieldType {
        /// The dataset.
        dataset: String,
        /// The field.
        field: String,
    },
    /// A row handed in does not fit the dataset's fields.
    #[error("a row does not fit the fields of dataset `{dataset}`")]
    RowWidth {
        /// The dataset.
        dataset: String,
    },
    /// The delivery is not in the state that this step needs.
    #[error("delivery `{delivery}` is not `{expected}`")]
    DeliveryState {
        /// Its id.
        delivery: i64,
        /// The state it should be in.
        expected: &'static str,
    },
    /// The epoch is closed; its figures are released once.
    #[error("epoch `{date}` of population `{population}` is closed")]
    EpochClosed {
        /// The population.
        population: String,
        /// The epoch's date.
        date: String,
    },
    /// Another process is closing this epoch.
    #[error("epoch `{date}` of population `{population}` is being closed by another process")]
    EpochBusy {
        /// The population.
        population: String,
        /// The epoch's date.
        date: String,
    },
    /// The lease of this close was lost: the epoch is closed or taken over.
    #[error("the close of epoch `{epoch}` was taken over")]
    EpochLost {
        /// The id of the lost close.
        epoch: i64,
    },
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        match error {
            E::Database(error) => from_database(error.as_ref()),
            E::ColumnIndexOutOfBounds { index, .. } => Self::Shape { column: index },
            E::ColumnDecode { index, .. } => Self::Shape {
                column: index.parse().unwrap_or(usize::MAX),
            },
            E::Decode(_) | E::ColumnNotFound(_) | E::TypeNotFound { .. } | E::RowNotFound => {
                Self::Shape { column: usize::MAX }
            }
            E::Encode(_) => Self::Value {
                code: "encode".to_owned(),
            },
            E::Io(error) => unavailable(error.kind().to_string()),
            E::Tls(_) => unavailable("tls"),
            E::PoolTimedOut => unavailable("no free connection in time"),
            E::PoolClosed => unavailable("closed"),
            E::Configuration(_) | E::InvalidArgument(_) => Self::Url {
                reason: "its options are not valid",
            },
            _ => unavailable("protocol"),
        }
    }
}

/// Both engines go on by themselves once there is room.
const FULL: &str = "its disk is full: make room, and it goes on by itself";

fn unavailable(reason: impl Into<String>) -> StoreError {
    StoreError::Unavailable {
        reason: reason.into(),
    }
}

fn from_database(error: &dyn sqlx::error::DatabaseError) -> StoreError {
    let code = error.code().map(std::borrow::Cow::into_owned).unwrap_or_default();
    if error.is_unique_violation() {
        return StoreError::Conflict {
            table: error.table().unwrap_or("unknown").to_owned(),
        };
    }
    // SQLite: the low byte is the primary result code. PostgreSQL: five characters, two for the class.
    if let (true, Ok(number)) = (code.len() < 5, code.parse::<u32>()) {
        return match number & 0xff {
            5 | 6 => StoreError::Busy { code },
            13 => unavailable(FULL),
            7 | 8 | 10 | 11 | 14 | 26 => unavailable(format!("code `{code}`")),
            1 => StoreError::Statement {
                code,
                message: error.message().to_owned(),
            },
            _ => StoreError::Value { code },
        };
    }
    if code == "53100" {
        return unavailable(FULL);
    }
    match code.get(..2) {
        Some("40" | "55") => StoreError::Busy { code },
        Some("08" | "28" | "3D" | "53" | "57" | "58" | "25" | "XX") => unavailable(format!("code `{code}`")),
        Some("42") => StoreError::Statement {
            code,
            message: error.message().to_owned(),
        },
        _ => StoreError::Value { code },
    }
}
