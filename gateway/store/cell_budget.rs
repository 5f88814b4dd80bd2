//! How many released cells recipients asked about, counted in the database: for all replicas together, and as long as the
//! epoch can be asked about.

use doelpoort_core::party::Oin;

use super::{Sql, Store, StoreError, sql};

/// `$1` recipient, `$2` clause, `$3` epoch, `$4` question.
const ASKED: Sql = sql!(
    "SELECT COUNT(*) FROM cell_question
     WHERE recipient = $1 AND clause = $2 AND epoch = CAST($3 AS BIGINT) AND question = $4"
);
/// The same.
const ASK: Sql = sql!(
    "INSERT INTO cell_question (recipient, clause, epoch, question) VALUES ($1, $2, CAST($3 AS BIGINT), $4)
     ON CONFLICT DO NOTHING"
);
/// `$1` recipient, `$2` clause, `$3` epoch, `$4` how many, `$5` the most. Nothing where it would be more than that.
const TAKE: Sql = sql!(
    "INSERT INTO cell_budget (recipient, clause, epoch, cells)
     SELECT $1, $2, CAST($3 AS BIGINT), CAST($4 AS BIGINT) WHERE CAST($4 AS BIGINT) <= CAST($5 AS BIGINT)
     ON CONFLICT (recipient, clause, epoch) DO UPDATE SET cells = cell_budget.cells + excluded.cells
     WHERE cell_budget.cells + excluded.cells <= CAST($5 AS BIGINT)"
);

pub(crate) const ALL: &[(&str, Sql)] = &[
    ("cell_budget::ASKED", ASKED),
    ("cell_budget::ASK", ASK),
    ("cell_budget::TAKE", TAKE),
];

/// What a recipient may ask under a clause about one epoch.
#[derive(Clone, Copy, Debug)]
pub struct CellBudget<'a> {
    /// Whose it is.
    pub recipient: &'a Oin,
    /// The clause.
    pub clause: &'a str,
    /// The epoch's count date, in days since 1970-01-01.
    pub epoch: i64,
    /// The most cells.
    pub most: i64,
}

impl Store {
    /// Takes the cells of a question from a budget, unless it was asked before; false, and nothing taken, where that would
    /// be too many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn take_cells(
        &self,
        budget: CellBudget<'_>,
        question: &[u8; 32],
        cells: i64,
    ) -> Result<bool, StoreError> {
        let of = || -> [super::SqlValue; 3] {
            [
                budget.recipient.as_str().into(),
                budget.clause.into(),
                budget.epoch.into(),
            ]
        };
        let named = || of().into_iter().chain([question.as_slice().into()]).collect();
        let asked = self.fetch_optional(ASKED, named()).await?;
        if asked.map(|row| row.int(0)).transpose()?.unwrap_or(0) > 0 {
            return Ok(true);
        }
        let mut tx = self.begin_write().await?;
        if tx.execute(ASK, named()).await? == 1 {
            let counted = of()
                .into_iter()
                .chain([cells.into(), budget.most.into()])
                .collect();
            if tx.execute(TAKE, counted).await? == 0 {
                return Ok(false);
            }
        }
        tx.commit().await?;
        Ok(true)
    }
}
