//! The suite's table, and its verdict.

/// What ours must keep.
#[derive(Clone, Copy, Debug)]
pub(super) enum Limit {
    AtMost(f64),
    AtLeast(f64),
    Within(f64, f64),
}

/// Nothing at all.
pub(super) const NONE: Limit = Limit::AtMost(0.0);

impl Limit {
    fn keeps(self, value: f64) -> bool {
        let [least, most] = self.ends();
        (least..=most).contains(&value)
    }

    /// The least and the most that it lets through.
    fn ends(self) -> [f64; 2] {
        match self {
            Self::AtMost(most) => [f64::MIN, most],
            Self::AtLeast(least) => [least, f64::MAX],
            Self::Within(least, most) => [least, most],
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

/// What each attack came to in each laboratory.
#[derive(Default)]
pub(super) struct Report {
    attacks: Vec<Vec<Row>>,
}

impl Report {
    /// Adds what an attack came to in one laboratory.
    pub(super) fn add(&mut self, row: Row) {
        let attacks = self.attacks.iter_mut();
        let same = attacks.rev().find(|rows| rows[0].attack == row.attack);
        match same {
            Some(rows) => rows.push(row),
            None => self.attacks.push(vec![row]),
        }
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

    /// Prints the table, and fails where a limit is broken, or where an attack succeeds on nothing.
    pub(super) fn finish(self) {
        println!(
            "{:<58} {:>7} {:>11} {:>8} {:>17} {:>8} {:>8} {:>8} {:>8}",
            "attack", "cases", "limit", "ours", "from-to", "<5", "<5 rnd", "1 layer", "weaker"
        );
        let mut broken = Vec::new();
        for rows in &self.attacks {
            let pooled = Row::pooled(rows);
            let found = rows.iter().map(|row| row.ours);
            let (least, most) = (
                found.clone().fold(f64::MAX, f64::min),
                found.fold(f64::MIN, f64::max),
            );
            println!("{}", pooled.line(&format!("{}-{}", number(least), number(most))));
            broken.extend(pooled.verdict());
        }
        assert!(broken.is_empty(), "{}", broken.join("\n"));
    }
}

impl Row {
    /// The same attack over all laboratories: their mean.
    fn pooled(rows: &[Self]) -> Self {
        let mean_of = |of: &dyn Fn(&Self) -> Option<f64>| {
            let found: Vec<f64> = rows.iter().filter_map(of).collect();
            (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
        };
        let mean = |of: &dyn Fn(&Self) -> f64| mean_of(&|row| Some(of(row))).unwrap();
        Self {
            attack: rows[0].attack.clone(),
            cases: rows.iter().map(|row| row.cases).sum(),
            limit: match rows[0].limit {
                Limit::AtMost(_) => Limit::AtMost(mean(&|row| row.limit.ends()[1])),
                Limit::AtLeast(_) => Limit::AtLeast(mean(&|row| row.limit.ends()[0])),
                within @ Limit::Within(..) => within,
            },
            ours: mean(&|row| row.ours),
            compared: [0, 1, 2].map(|place: usize| mean_of(&|row| row.compared[place])),
            weakened: mean_of(&|row| row.weakened),
        }
    }

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

impl Row {
    fn line(&self, span: &str) -> String {
        let shown = |value: &Option<f64>| value.map_or_else(|| "-".to_owned(), number);
        let [naive, rounded, one] = &self.compared;
        let kept = if self.limit.keeps(self.ours) {
            ""
        } else {
            "  BROKEN"
        };
        format!(
            "{:<58} {:>7} {:>11} {:>8} {span:>17} {:>8} {:>8} {:>8} {:>8}{kept}",
            self.attack,
            self.cases,
            self.limit.text(),
            number(self.ours),
            shown(naive),
            shown(rounded),
            shown(one),
            shown(&self.weakened),
        )
    }
}

fn number(value: f64) -> String {
    if value == value.trunc() && value.abs() >= 2.0 || value == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.3}")
    }
}
