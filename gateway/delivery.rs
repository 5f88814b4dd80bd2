//! The mirrored line: rows come in, are checked, lose their identifiers, and become visible together with their log
//! entry. Rows that are not logged are not visible.

mod asked;
mod receive;
mod record;
mod row;
mod rows;

use doelpoort_core::party::Caller;
use doelpoort_core::policy::decide::decide_delivery;
use tokio::io::AsyncRead;

use crate::exchange::Refusal;
use crate::gateway::{Current, Gateway};
use crate::store::delivery::Finished;

pub use asked::{DeliveryAsked, RowFormat};
pub use receive::Received;
pub(crate) use receive::reference_context;
pub use record::Delivered;
pub(crate) use record::{explain, link_rules};

use record::Circumstances;

/// Why a delivery was refused; nothing of it is visible.
#[derive(Debug)]
pub enum DeliveryRefusal {
    /// As any other request.
    Refused(Refusal),
    /// Too many of its rows had mistakes.
    Rows {
        /// The first of them.
        errors: Vec<doelpoort_core::request::InputError>,
        /// How many rows had one.
        rejected: i64,
    },
    /// More bytes or rows than a delivery may have.
    TooLarge,
}

impl Gateway {
    /// Takes in one delivery of an identified caller, or refuses it; both are in the log before anything is said.
    ///
    /// # Errors
    /// The refusal, once it is logged.
    pub async fn deliver(
        &self,
        caller: &Caller,
        asked: &DeliveryAsked<'_>,
        body: impl AsyncRead + Unpin + Send,
    ) -> Result<Delivered, DeliveryRefusal> {
        let current = self.policies.current();
        let mut circumstances = Circumstances::new(caller, asked, &current, self.clock.now());
        let outcome = self
            .take_in(&current, caller, asked, body, &mut circumstances)
            .await;
        let delivered = self.record_delivery(&circumstances, outcome).await?;
        self.settle(&current, asked.dataset, &delivered.received).await;
        Ok(delivered)
    }

    async fn take_in(
        &self,
        current: &Current,
        caller: &Caller,
        asked: &DeliveryAsked<'_>,
        body: impl AsyncRead + Unpin + Send,
        circumstances: &mut Circumstances,
    ) -> Result<(Received, Finished), DeliveryRefusal> {
        let now = circumstances.now();
        current.check_in_force()?;
        self.limits.check_client(caller)?;
        let (dataset, holder) = asked.names(&current.policies)?;
        let permit = decide_delivery(&current.policies, caller, &dataset, &holder, now)?;
        circumstances.permitted(&permit);
        self.limits.check(caller, permit.purpose(), &permit.limit())?;
        let opened = self.open_delivery(&permit, asked, now).await?;
        circumstances.opened(&opened);
        let received = self.receive(&permit, &opened, asked, body).await?;
        circumstances.received(&received);
        self.finish(&permit, &opened, received).await
    }
}
