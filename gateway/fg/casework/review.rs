//! Reviews: entries that were drawn by a checkpoint which did not exist when the draw was announced, or that somebody
//! picked for a reason; each is signed off with a finding. The result is put in the log by its digest, and signed by the
//! FG with their approval key, which is never in the console.

use doelpoort_core::audit::base64;
use doelpoort_core::audit::sample::Announcement;
use doelpoort_core::policy::sha256;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Dossier, InvalidText, checked_text};
use crate::audit::{Line, Sample};

/// Entries that are picked into one review at most.
const PICKED_MAX: usize = 200;
/// What a result says it is.
const FORMAT: &str = "doelpoort-review@v1";

/// A review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Review {
    /// Its number in the FG's own files.
    pub number: String,
    /// When it began.
    pub began: Timestamp,
    /// Which entries.
    pub content: Content,
    /// Where it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closing: Option<Closing>,
}

/// Which entries are reviewed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// Not drawn yet.
    Announced(Announced),
    /// Drawn as announced.
    Drawn(Drawn),
    /// Somebody picked them: this proves nothing of the others.
    Picked(Vec<Line>),
}

/// What will be drawn, as the log knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Announced {
    /// What was announced.
    pub announcement: Announcement,
    /// The number of the entry that commits to it. The first checkpoint that covers it draws.
    pub entry: u64,
}

/// What was drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Drawn {
    /// The number of the entry that commits to the announcement.
    pub entry: u64,
    /// The sample, with its lines.
    pub sample: Sample,
}

/// The end of a review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Closing {
    /// When.
    pub at: Timestamp,
    /// The digest of the result, base64.
    pub digest: String,
    /// The number of the entry that commits to it.
    pub entry: u64,
    /// The FG's signature under it, where it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// What is signed: the whole review, without what came after.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReviewResult<'r> {
    format: &'static str,
    number: &'r str,
    began: Timestamp,
    content: &'r Content,
    signed_off: u64,
    not_in_order: u64,
}

/// What was found at one entry.
#[derive(Clone, Debug)]
pub struct Finding<'f> {
    /// Who looked.
    pub reviewer: &'f str,
    /// On which day.
    pub on: Date,
    /// Whether it is in order.
    pub in_order: bool,
    /// What there is to say; needed where it is not.
    pub remark: &'f str,
}

/// Why a review is not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReview {
    /// It is over.
    #[error("the review is over")]
    Closed,
    /// Nothing is drawn yet.
    #[error("the sample is not drawn yet")]
    NotDrawn,
    /// No such entry in it.
    #[error("the entry is not in this review")]
    NotInIt,
    /// Picked before, or not one of those that are picked.
    #[error("the entry is in this review already, or it takes no entries that somebody picked")]
    Picked,
    /// Not every entry is signed off.
    #[error("not every entry is signed off")]
    NotDone,
    /// A finding needs its words.
    #[error(transparent)]
    Text(#[from] InvalidText),
}

impl Dossier for Review {
    const KIND: &'static str = "review";
}

impl Review {
    /// A review whose draw was announced.
    ///
    /// # Errors
    /// When its number is none.
    pub fn announced(number: &str, announced: Announced, at: Timestamp) -> Result<Self, InvalidReview> {
        Ok(Self {
            number: checked_text(number)?,
            began: at,
            content: Content::Announced(announced),
            closing: None,
        })
    }

    /// A review of an entry that somebody picked.
    ///
    /// # Errors
    /// When its number is none.
    pub fn picked(number: &str, line: Line, at: Timestamp) -> Result<Self, InvalidReview> {
        Ok(Self {
            number: checked_text(number)?,
            began: at,
            content: Content::Picked(vec![line]),
            closing: None,
        })
    }

    /// Its entries, in the order of the review.
    pub fn lines(&self) -> &[Line] {
        match &self.content {
            Content::Announced(_) => &[],
            Content::Drawn(drawn) => &drawn.sample.lines,
            Content::Picked(lines) => lines,
        }
    }

    /// How many entries are signed off, and how many of those are not in order.
    pub fn progress(&self) -> (u64, u64) {
        let signed = self.lines().iter().filter(|line| line.is_signed_off());
        let wrong = signed.clone().filter(|line| line.in_order == Some(false));
        (signed.count() as u64, wrong.count() as u64)
    }

    /// Whether every entry is signed off.
    pub fn is_done(&self) -> bool {
        !matches!(self.content, Content::Announced(_)) && self.lines().iter().all(Line::is_signed_off)
    }

    /// Puts in what was drawn.
    ///
    /// # Errors
    /// When that was done before.
    pub fn draw(&mut self, sample: Sample) -> Result<(), InvalidReview> {
        let Content::Announced(Announced { announcement, entry }) = &self.content else {
            return Err(InvalidReview::Closed);
        };
        if *announcement != sample.announcement {
            return Err(InvalidReview::NotInIt);
        }
        self.content = Content::Drawn(Drawn {
            entry: *entry,
            sample,
        });
        Ok(())
    }

    /// Adds an entry that somebody picked.
    ///
    /// # Errors
    /// When it takes none, or has it.
    pub fn pick(&mut self, line: Line) -> Result<(), InvalidReview> {
        if self.closing.is_some() {
            return Err(InvalidReview::Closed);
        }
        let Content::Picked(lines) = &mut self.content else {
            return Err(InvalidReview::Picked);
        };
        if lines.len() >= PICKED_MAX || lines.iter().any(|one| one.index == line.index) {
            return Err(InvalidReview::Picked);
        }
        lines.push(line);
        Ok(())
    }

    /// Signs an entry off.
    ///
    /// # Errors
    /// When it is not in the review, that is over, or what is wrong is not said.
    pub fn sign_off(&mut self, index: u64, finding: &Finding<'_>) -> Result<(), InvalidReview> {
        if self.closing.is_some() {
            return Err(InvalidReview::Closed);
        }
        let lines = match &mut self.content {
            Content::Announced(_) => return Err(InvalidReview::NotDrawn),
            Content::Drawn(drawn) => &mut drawn.sample.lines,
            Content::Picked(lines) => lines,
        };
        let line = lines
            .iter_mut()
            .find(|line| line.index == index)
            .ok_or(InvalidReview::NotInIt)?;
        let remark = match checked_text(finding.remark) {
            Ok(remark) => Some(remark),
            Err(InvalidText::Empty) if finding.in_order => None,
            Err(error) => return Err(error.into()),
        };
        line.reviewer = Some(checked_text(finding.reviewer)?);
        line.reviewed_on = Some(finding.on);
        line.in_order = Some(finding.in_order);
        line.remark = remark;
        Ok(())
    }

    /// What is signed, once everything is signed off.
    ///
    /// # Errors
    /// When something is not.
    pub fn result(&self) -> Result<ReviewResult<'_>, InvalidReview> {
        if !self.is_done() {
            return Err(InvalidReview::NotDone);
        }
        let (signed_off, not_in_order) = self.progress();
        Ok(ReviewResult {
            format: FORMAT,
            number: &self.number,
            began: self.began,
            content: &self.content,
            signed_off,
            not_in_order,
        })
    }

    /// Ends it: the entry that commits to its result is in the log.
    ///
    /// # Errors
    /// When it is over, or the digest is not that of its result: it was changed meanwhile.
    pub fn close(&mut self, digest: &str, entry: u64, at: Timestamp) -> Result<(), InvalidReview> {
        if self.closing.is_some() || self.result()?.digest() != digest {
            return Err(InvalidReview::Closed);
        }
        self.closing = Some(Closing {
            at,
            digest: digest.to_owned(),
            entry,
            signature: None,
        });
        Ok(())
    }
}

impl ReviewResult<'_> {
    /// Its one spelling (RFC 8785).
    pub fn canonical(&self) -> Vec<u8> {
        // No float and no map with other keys than strings: it has one.
        serde_json::to_value(self)
            .and_then(|value| serde_json_canonicalizer::to_vec(&value))
            .unwrap_or_default()
    }

    /// SHA-256 of that, base64.
    pub fn digest(&self) -> String {
        base64(&sha256(
            &[b"doelpoort-review\x01".as_slice(), &self.canonical()].concat(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(index: u64) -> Line {
        Line {
            index,
            leaf_hash: "00".to_owned(),
            time: "2026-11-22T10:00:00Z".to_owned(),
            recipient: None,
            purpose: None,
            dataset: None,
            decision: None,
            reviewer: None,
            reviewed_on: None,
            in_order: None,
            remark: None,
        }
    }

    fn finding(in_order: bool, remark: &str) -> Finding<'_> {
        Finding {
            reviewer: "fg-01",
            on: jiff::civil::date(2026, 11, 23),
            in_order,
            remark,
        }
    }

    #[test]
    fn a_review_ends_when_each_entry_has_its_finding() {
        let now = "2026-11-23T10:00:00Z".parse().unwrap();
        let mut review = Review::picked("2026-18", line(3), now).unwrap();
        review.pick(line(4)).unwrap();
        assert_eq!(review.pick(line(4)), Err(InvalidReview::Picked));
        assert!(matches!(review.result(), Err(InvalidReview::NotDone)));
        review.sign_off(3, &finding(true, "")).unwrap();
        let wordless = review.sign_off(4, &finding(false, " "));
        assert_eq!(wordless, Err(InvalidReview::Text(InvalidText::Empty)));
        assert_eq!(
            review.sign_off(5, &finding(true, "")),
            Err(InvalidReview::NotInIt)
        );
        review.sign_off(4, &finding(false, "geen zaak genoemd")).unwrap();
        assert_eq!(review.progress(), (2, 1));

        let digest = review.result().unwrap().digest();
        assert!(review.close("other", 9, now).is_err());
        review.close(&digest, 9, now).unwrap();
        assert_eq!(review.sign_off(3, &finding(true, "")), Err(InvalidReview::Closed));
        assert_eq!(review.pick(line(6)), Err(InvalidReview::Closed));
        // What is signed is the review, not that it ended.
        assert_eq!(review.result().unwrap().digest(), digest);
    }
}
