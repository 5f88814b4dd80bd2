//! Charts, drawn here: bars of two kinds a day. Colour alone tells nothing; a table stands beneath each.

use jiff::civil::Date;
use maud::{Markup, html};

const HEIGHT: u64 = 120;
const BAR: usize = 18;
const STEP: usize = 24;
/// A chart of fewer days is as wide as one of so many: a single bar fills no page.
const BARS_MIN: usize = 40;

/// How many were granted and refused on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DayCount {
    pub(super) day: Date,
    pub(super) granted: u64,
    pub(super) refused: u64,
}

/// The bars; `title` says what they show.
pub(super) fn days(counts: &[DayCount], title: &str) -> Markup {
    let most = counts
        .iter()
        .map(|count| count.granted + count.refused)
        .max()
        .unwrap_or(0)
        .max(1);
    let width = (counts.len() * STEP).max(STEP * BARS_MIN);
    let high = |count: u64| (count * HEIGHT).div_ceil(most).min(HEIGHT);
    html! {
        svg class="chart" viewBox=(format!("0 0 {width} {}", HEIGHT + 24)) role="img" aria-label=(title) {
            line class="axis" x1="0" x2=(width) y1=(HEIGHT) y2=(HEIGHT) {}
            @for (place, count) in counts.iter().enumerate() {
                @let (good, bad) = (high(count.granted), high(count.refused));
                @let left = place * STEP + 3;
                rect class="good" x=(left) width=(BAR) y=(HEIGHT - good) height=(good) {}
                rect class="bad" x=(left) width=(BAR) y=(HEIGHT.saturating_sub(good + bad)) height=(bad.min(HEIGHT - good)) {}
                @if place % 7 == 0 {
                    text x=(left) y=(HEIGHT + 16) { (format!("{}-{}", count.day.day(), count.day.month())) }
                }
            }
        }
    }
}
