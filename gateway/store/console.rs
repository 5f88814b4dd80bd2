//! People at the console: their sessions, their sign-ins on the way, and one-time links. Of cookies, states and codes
//! only the digest is here; who somebody is, is sealed.

use super::{Row, Sql, Store, StoreError, sql};

const OPEN: Sql = sql!(
    "INSERT INTO console_session (id, person, proved, operator, organisation, language, began_us, seen_us, stepped_up_us,
                                  vouched_us)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 0, $7)"
);
/// `$1` session, `$2` now, `$3` the earliest that it was seen last, `$4` the earliest that it began.
const SEE: Sql = sql!(
    "UPDATE console_session SET seen_us = $2 WHERE id = $1 AND seen_us > $3 AND began_us > $4
     RETURNING person, proved, operator, organisation, language, stepped_up_us, vouched_us"
);
const SPEAK: Sql = sql!("UPDATE console_session SET language = $2 WHERE id = $1");
const STEP_UP: Sql = sql!("UPDATE console_session SET stepped_up_us = $2 WHERE id = $1");
const VOUCH: Sql = sql!("UPDATE console_session SET vouched_us = $2 WHERE id = $1");
const END: Sql = sql!("DELETE FROM console_session WHERE id = $1");
const FORGET: Sql = sql!("DELETE FROM console_session WHERE seen_us <= $1 OR began_us <= $2");
const BEGIN: Sql =
    sql!("INSERT INTO console_sign_in (state, next, session, ends_us, again) VALUES ($1, $2, $3, $4, $5)");
const RETURN: Sql =
    sql!("DELETE FROM console_sign_in WHERE state = $1 AND ends_us > $2 RETURNING next, session, again");
const FORGET_SIGN_INS: Sql = sql!("DELETE FROM console_sign_in WHERE ends_us <= $1");
const OFFER: Sql =
    sql!("INSERT INTO console_link (code, operator, organisation, ends_us) VALUES ($1, $2, $3, $4)");
const TAKE: Sql =
    sql!("DELETE FROM console_link WHERE code = $1 AND ends_us > $2 RETURNING operator, organisation");
const FORGET_LINKS: Sql = sql!("DELETE FROM console_link WHERE ends_us <= $1");

pub(crate) const ALL: &[(&str, Sql)] = &[
    ("console::OPEN", OPEN),
    ("console::SEE", SEE),
    ("console::SPEAK", SPEAK),
    ("console::STEP_UP", STEP_UP),
    ("console::VOUCH", VOUCH),
    ("console::END", END),
    ("console::FORGET", FORGET),
    ("console::BEGIN", BEGIN),
    ("console::RETURN", RETURN),
    ("console::FORGET_SIGN_INS", FORGET_SIGN_INS),
    ("console::OFFER", OFFER),
    ("console::TAKE", TAKE),
    ("console::FORGET_LINKS", FORGET_LINKS),
];

/// A digest under which something is kept.
pub type Digest = [u8; 32];

/// What a person may be at the console.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// An operator.
    pub operator: bool,
    /// The OIN of the holder that the person speaks for; empty: none.
    pub organisation: String,
}

/// A session as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredSession {
    /// Who it is, sealed.
    pub person: Vec<u8>,
    /// Whether a provider said so.
    pub proved: bool,
    /// What the person may be.
    pub roles: Roles,
    /// The language of the pages, `nl` or `en`.
    pub language: String,
    /// When the person last stepped up, µs; 0: never.
    pub stepped_up_us: i64,
    /// When a provider last said which roles the person has, µs.
    pub vouched_us: i64,
}

/// A sign-in that came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The page that was asked for.
    pub next: String,
    /// The session that steps up, or whose roles are asked for again; none: a new one.
    pub session: Option<Digest>,
    /// Whether only the roles are asked for.
    pub again: bool,
}

impl Store {
    /// Opens a session under the digest of its cookie.
    pub async fn open_session(
        &self,
        id: &Digest,
        session: &StoredSession,
        now_us: i64,
    ) -> Result<(), StoreError> {
        let values = vec![
            id.as_slice().into(),
            session.person.as_slice().into(),
            i64::from(session.proved).into(),
            i64::from(session.roles.operator).into(),
            session.roles.organisation.as_str().into(),
            session.language.as_str().into(),
            now_us.into(),
        ];
        self.execute(OPEN, values).await.map(drop)
    }

    /// The session of a cookie, which lives on; none where it was idle or open for longer than it may. `idle_us` and
    /// `whole_us` are how long, in µs.
    pub async fn see_session(
        &self,
        id: &Digest,
        now_us: i64,
        (idle_us, whole_us): (i64, i64),
    ) -> Result<Option<StoredSession>, StoreError> {
        let values = vec![
            id.as_slice().into(),
            now_us.into(),
            (now_us - idle_us).into(),
            (now_us - whole_us).into(),
        ];
        let row = self.write_returning(SEE, values).await?;
        row.as_ref().map(session_of).transpose()
    }

    /// The pages of a session are in this language.
    pub async fn speak_in_session(&self, id: &Digest, language: &str) -> Result<(), StoreError> {
        self.execute(SPEAK, vec![id.as_slice().into(), language.into()])
            .await
            .map(drop)
    }

    /// The person of a session signed in anew; `false` where there is no such session.
    pub async fn step_up_session(&self, id: &Digest, now_us: i64) -> Result<bool, StoreError> {
        let changed = self.execute(STEP_UP, vec![id.as_slice().into(), now_us.into()]);
        Ok(changed.await? == 1)
    }

    /// A provider said again which roles the person of a session has; `false` where there is no such session.
    pub async fn vouch_for_session(&self, id: &Digest, now_us: i64) -> Result<bool, StoreError> {
        let changed = self.execute(VOUCH, vec![id.as_slice().into(), now_us.into()]);
        Ok(changed.await? == 1)
    }

    /// Ends a session.
    pub async fn end_session(&self, id: &Digest) -> Result<(), StoreError> {
        self.execute(END, vec![id.as_slice().into()]).await.map(drop)
    }

    /// A sign-in begins; `ends_us` is when it can no longer come back.
    pub async fn begin_sign_in(&self, state: &Digest, begun: &Begun, ends_us: i64) -> Result<(), StoreError> {
        let session = begun.session.as_ref().map_or(&[] as &[u8], |id| id.as_slice());
        let values = vec![
            state.as_slice().into(),
            begun.next.as_str().into(),
            session.into(),
            ends_us.into(),
            i64::from(begun.again).into(),
        ];
        self.execute(BEGIN, values).await.map(drop)
    }

    /// A sign-in comes back, once.
    pub async fn return_sign_in(&self, state: &Digest, now_us: i64) -> Result<Option<Begun>, StoreError> {
        let row = self
            .write_returning(RETURN, vec![state.as_slice().into(), now_us.into()])
            .await?;
        row.map(|row| {
            Ok(Begun {
                next: row.text(0)?,
                session: row.bytes(1)?.try_into().ok(),
                again: row.int(2)? != 0,
            })
        })
        .transpose()
    }

    /// Keeps the digest of a one-time link's code.
    pub async fn offer_link(&self, code: &Digest, roles: &Roles, ends_us: i64) -> Result<(), StoreError> {
        let values = vec![
            code.as_slice().into(),
            i64::from(roles.operator).into(),
            roles.organisation.as_str().into(),
            ends_us.into(),
        ];
        self.execute(OFFER, values).await.map(drop)
    }

    /// Uses a one-time link up.
    pub async fn take_link(&self, code: &Digest, now_us: i64) -> Result<Option<Roles>, StoreError> {
        let row = self
            .write_returning(TAKE, vec![code.as_slice().into(), now_us.into()])
            .await?;
        row.map(|row| {
            Ok(Roles {
                operator: row.int(0)? != 0,
                organisation: row.text(1)?,
            })
        })
        .transpose()
    }

    /// Forgets what ended. `idle_us` and `whole_us` as in [`see_session`](Self::see_session).
    pub async fn forget_sign_ins(
        &self,
        now_us: i64,
        (idle_us, whole_us): (i64, i64),
    ) -> Result<(), StoreError> {
        self.execute(
            FORGET,
            vec![(now_us - idle_us).into(), (now_us - whole_us).into()],
        )
        .await?;
        self.execute(FORGET_SIGN_INS, vec![now_us.into()]).await?;
        self.execute(FORGET_LINKS, vec![now_us.into()]).await.map(drop)
    }

    /// A write of one statement that gives the row it wrote or took away.
    async fn write_returning(
        &self,
        sql: Sql,
        values: Vec<super::SqlValue>,
    ) -> Result<Option<Row>, StoreError> {
        let mut tx = self.begin_write().await?;
        let row = tx.fetch_optional(sql, values).await?;
        tx.commit().await?;
        Ok(row)
    }
}

fn session_of(row: &Row) -> Result<StoredSession, StoreError> {
    Ok(StoredSession {
        person: row.bytes(0)?,
        proved: row.int(1)? != 0,
        roles: Roles {
            operator: row.int(2)? != 0,
            organisation: row.text(3)?,
        },
        language: row.text(4)?,
        stepped_up_us: row.int(5)?,
        vouched_us: row.int(6)?,
    })
}

impl std::fmt::Debug for StoredSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredSession")
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}
