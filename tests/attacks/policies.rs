//! The laboratory's policies: the shipped ones without their purposes, and a dataset and purposes that give the attacks
//! as many cells as they can use.

use std::fmt::Write as _;
use std::path::Path;

use doelpoort_attacks::world::{BLOCKS, BLOCKS_PER_QUARTER};

/// Who asks.
pub(super) const CLIENT: &str = "swv-po-dashboard";
/// Another who asks the same.
pub(super) const OTHER_CLIENT: &str = "municipality-dashboard";

/// A purpose of the laboratory: its name, what it groups by, how many at once, what holds for every cell, and to what
/// base it rounds.
struct Purpose(&'static str, &'static [&'static str], u32, &'static str, u32);

const PURPOSES: [Purpose; 15] = [
    Purpose("lab-first", &["block", "lone", "first"], 3, "", 1),
    Purpose("lab-second", &["block", "lone", "second"], 3, "", 1),
    Purpose("lab-third", &["block", "lone", "third"], 3, "", 1),
    Purpose("lab-whole", &["block", "fourth"], 2, "", 1),
    Purpose("lab-parts", &["block", "fifth", "sixth"], 3, "", 1),
    Purpose("lab-hours", &["block", "lone"], 2, "", 1),
    Purpose("lab-small", &["block", "kind", "band"], 3, "", 1),
    Purpose(
        "lab-care",
        &["block", "lone", "kind"],
        2,
        "\"resident.care\" = \"yes\"",
        1,
    ),
    // Cells of the first and of the one above, rounded, and filtered rather than fixed.
    Purpose("lab-rounded", &["block", "first"], 2, "", 5),
    Purpose("lab-filtered", &["block@quarter", "care"], 2, "", 1),
    Purpose("lab-implied", &["block@quarter", "kind", "stream"], 3, "", 1),
    Purpose("lab-renamed", &["block@quarter", "copied", "twin"], 2, "", 1),
    Purpose("lab-aid", &["block@quarter", "care", "aid"], 3, "", 1),
    Purpose("lab-rows", &["block", "kind"], 2, "", 1),
    Purpose("lab-boards", &["block", "kind"], 2, "", 1),
];

/// What a purpose counts.
pub(super) fn measure(purpose: &str) -> &'static str {
    match purpose {
        "lab-hours" => "sum(resident.hours)",
        "lab-rows" => "rows(resident)",
        _ => "pupils",
    }
}

/// Puts the laboratory in place of the shipped purposes.
pub(super) fn prepare(folder: &Path) {
    let purposes = folder.join("purposes");
    for entry in std::fs::read_dir(&purposes).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if ![
            "delivery-resident.toml",
            "delivery-enrolment.toml",
            "pupil-rights.toml",
        ]
        .contains(&name)
        {
            std::fs::remove_file(path).unwrap();
        }
    }
    let delivery = purposes.join("delivery-resident.toml");
    let text = std::fs::read_to_string(&delivery).unwrap();
    let dpia = "dpia = { reference = \"DPIA-TEST\", date = 2026-03-12 }\ncontact = ";
    std::fs::write(&delivery, text.replacen("contact = ", dpia, 1)).unwrap();
    let resident = folder.join("datasets/resident.toml");
    let text = std::fs::read_to_string(&resident).unwrap();
    let text = text.replacen("class = ", "rows_bound = 4\nclass = ", 1);
    std::fs::write(resident, text + &fields()).unwrap();
    std::fs::write(folder.join("hierarchies/block.toml"), blocks()).unwrap();
    for purpose in &PURPOSES {
        std::fs::write(purposes.join(format!("{}.toml", purpose.0)), purpose.text()).unwrap();
    }
}

fn fields() -> String {
    let mut text = String::new();
    let mut field = |name: &str, rest: &str| {
        write!(
            text,
            "\n[[field]]\nname = \"{name}\"\ntype = \"code\"\nrequired = true\n{rest}\n\
             title = {{ nl = \"{name}\", en = \"{name}\" }}\ndescription = {{ nl = \"Proef.\", en = \"Test.\" }}\n"
        )
        .unwrap();
    };
    field("block", "hierarchy = \"block\"");
    let names = [
        "lone", "first", "second", "third", "fourth", "fifth", "sixth", "copied", "twin", "aid",
    ];
    for name in names {
        field(name, &codes(["yes", "no"]));
    }
    field(
        "care",
        &format!("class = \"sensitive\"\n{}", codes(["yes", "no"])),
    );
    field("kind", &codes(["1", "2", "3", "4", "5", "6"]));
    field("band", &codes(["1", "2", "3", "4", "5", "6", "7", "8"]));
    field("stream", &codes(["1", "2", "3"]));
    text.push_str(
        "\n[[field]]\nname = \"hours\"\ntype = \"integer\"\nrequired = true\nmin = 0\nmax = 1000\nbound = 1000\n\
         title = { nl = \"hours\", en = \"hours\" }\ndescription = { nl = \"Proef.\", en = \"Test.\" }\n",
    );
    text.push_str(
        "\n[[implication]]\nwhen = \"kind\"\nthen = \"stream\"\n\
         pairs = [[\"1\", \"1\"], [\"2\", \"1\"], [\"3\", \"2\"], [\"4\", \"2\"], [\"5\", \"3\"], [\"6\", \"3\"]]\n",
    );
    text.push_str("\n[[implication]]\nwhen = \"care\"\nthen = \"aid\"\npairs = [[\"yes\", \"yes\"]]\n");
    text
}

fn codes<const N: usize>(codes: [&str; N]) -> String {
    let nodes = codes.map(|code| format!("{{ code = \"{code}\", nl = \"{code}\", en = \"{code}\" }}"));
    format!("codes = [{}]", nodes.join(", "))
}

/// 640 blocks in 20 quarters.
fn blocks() -> String {
    let mut text = "hierarchy = \"block\"\nversion = 1\ntitle = { nl = \"Blok\", en = \"Block\" }\n\
                    source = \"made for a test\"\nlicence = \"EUPL-1.2\"\n\n[[level]]\nname = \"block\"\n\
                    title = { nl = \"Blok\", en = \"Block\" }\nnodes = [\n"
        .to_owned();
    for block in 0..BLOCKS {
        let quarter = block / BLOCKS_PER_QUARTER;
        writeln!(
            text,
            "  {{ code = \"B{block:03}\", nl = \"B{block:03}\", parent = \"Q{quarter:02}\" }},"
        )
        .unwrap();
    }
    text.push_str(
        "]\n\n[[level]]\nname = \"quarter\"\ntitle = { nl = \"Kwartier\", en = \"Quarter\" }\nnodes = [\n",
    );
    for quarter in 0..BLOCKS / BLOCKS_PER_QUARTER {
        writeln!(text, "  {{ code = \"Q{quarter:02}\", nl = \"Q{quarter:02}\" }},").unwrap();
    }
    text.push_str("]\n");
    text
}

impl Purpose {
    fn text(&self) -> String {
        let Self(name, group_by, most, only, round) = self;
        let measure = measure(name);
        let dataset = if *name == "lab-boards" {
            "enrolment"
        } else {
            "resident"
        };
        let group_by: Vec<String> = group_by
            .iter()
            .map(|field| format!("\"resident.{field}\""))
            .collect();
        let group_by = group_by.join(", ");
        format!(
            r#"purpose = "{name}"
version = 1
title = {{ nl = "Proef", en = "Test" }}
contact = "privacy@swv.example"
retention = "P1Y"
valid = {{ from = 2025-08-01, until = 2027-07-31 }}
basis = {{ avg = "6(1)(e)", special = "WPO art. 18a lid 13" }}
dpia = {{ reference = "DPIA-TEST", date = 2026-03-12 }}
controllers = [{{ organisation = "swv-po", law = "WPO art. 18a lid 6 onder b" }}]
why = {{ nl = "Een proef: wat is uit beveiligde cijfers af te leiden?", en = "A test: what can be derived from protected figures?" }}

[[grant]]
form = "figures"
recipient = [{{ organisation = "swv-po", role = "dashboard" }}, {{ organisation = "municipality", role = "dashboard" }}]
dataset = "{dataset}"
holders = "all"
population = "children"
group_by = [{group_by}]
only = {{ {only} }}
measures = ["{measure}"]
epochs = "count-dates"
protect = {{ mechanism = "cell-key", round = {round} }}
max_dimensions = {most}
limit = {{ requests = "1000000/h", cells = 10000000 }}

"#
        )
    }
}
