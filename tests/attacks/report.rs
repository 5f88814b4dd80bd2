//! The suite's table, and its verdict.

/// What ours must keep.
#[derive(Clone, Copy, Debug)]
pub(super) enum Limit {
    AtMost(f64),
    AtLeast(f64),
    Within(f64, f64),
}

impl Limit {
    fn keeps(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
            Self::Within(least, most) => (least..=most).contains(&value),
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtMost(most) => format!("≤ {}", number(most)),
            Self::AtLeast(least) => format!("≥ {}", number(least)),
            Self::Within(least, most) => format!("{}–{}", number(least), number(most)),
        }
    }
}

/// One attack.
pub(super) struct Row {
    pub(super) attack: String,
    /// How many cases, cells or calls.
    pub(super) cases: usize,
    pub(super) limit: Limit,
    pub(super) ours: f64,
    /// Naive suppression, suppression with rounding, one layer.
    pub(super) compared: [Option<f64>; 3],
    /// A way of answering that is weaker than ours in this respect only.
    pub(super) weakened: Option<f64>,
}

/// The table so far.
#[derive(Default)]
pub(super) struct Report {
    rows: Vec<Row>,
}

impl Report {
    /// Adds a row and prints it.
    pub(super) fn add(&mut self, row: Row) {
        if self.rows.is_empty() {
            println!(
                "{:<58} {:>7} {:>11} {:>8} {:>8} {:>8} {:>8} {:>8}",
                "attack", "cases", "limit", "ours", "<5", "<5 rnd", "1 layer", "weaker"
            );
        }
        println!("{row}");
        self.rows.push(row);
    }

    /// An attack that has no figures to compare: what the gateway does, and what a weakened one would.
    pub(super) fn way(&mut self, attack: &str, cases: usize, limit: Limit, ours: f64, weakened: f64) {
        self.add(Row {
            attack: attack.to_owned(),
            cases,
            limit,
            ours,
            compared: [None; 3],
            weakened: Some(weakened),
        });
    }

    /// Fails where a limit is broken, or where an attack succeeds on nothing.
    pub(super) fn finish(self) {
        let broken: Vec<String> = self.rows.iter().filter_map(Row::verdict).collect();
        assert!(broken.is_empty(), "{}", broken.join("\n"));
    }
}

impl Row {
    fn verdict(&self) -> Option<String> {
        let (attack, limit) = (&self.attack, self.limit);
        if !limit.keeps(self.ours) {
            return Some(format!("{attack}: {}, not {}", number(self.ours), limit.text()));
        }
        let mut others = self.compared.iter().chain([&self.weakened]).flatten();
        let succeeds = others.any(|other| !limit.keeps(*other));
        (!succeeds).then(|| format!("{attack}: succeeds on nothing, so it shows nothing"))
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |value: &Option<f64>| value.map_or_else(|| "-".to_owned(), number);
        let [naive, rounded, one] = &self.compared;
        write!(
            f,
            "{:<58} {:>7} {:>11} {:>8} {:>8} {:>8} {:>8} {:>8}",
            self.attack,
            self.cases,
            self.limit.text(),
            number(self.ours),
            shown(naive),
            shown(rounded),
            shown(one),
            shown(&self.weakened),
        )?;
        f.write_str(if self.limit.keeps(self.ours) {
            ""
        } else {
            "  BROKEN"
        })
    }
}

fn number(value: f64) -> String {
    if value == value.trunc() && value.abs() >= 2.0 || value == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.3}")
    }
}
