//! The leaf's key table, both ways. Absent fields are left out; keys ascend.

use std::collections::BTreeMap;

use super::cbor::{Major, Map, Reader, Writer};
use super::{Commitments, Event, Form, Kind, Leaf, LeafError, Micros, PurposeVersion, Value, Window};

/// The version of this table.
pub(super) const VERSION: u64 = 1;

pub(super) fn encode(leaf: &Leaf) -> Vec<u8> {
    let event = &leaf.event;
    let mut map = Map::default();
    map.entry(0, |w| w.uint(VERSION));
    map.entry(1, |w| w.uint(event.kind.code()));
    map.entry(2, |w| w.uint(leaf.time.unsigned_abs()));
    map.entry(3, |w| w.bytes(&leaf.replica));
    map.entry(4, |w| w.uint(leaf.sequence));
    map.entry(5, |w| w.bytes(&event.entry_id));
    map.optional(6, event.opening, |w, id| w.bytes(&id));
    map.optional(7, event.requested_at, |w, time| w.uint(time.unsigned_abs()));
    map.optional(8, event.recipient.as_ref(), |w, oin| w.text(oin));
    map.optional(9, some(&event.acting_for), |w, oins| {
        w.array(oins.len());
        for oin in oins {
            w.text(oin);
        }
    });
    map.optional(10, event.dataset.as_ref(), |w, name| w.text(name));
    map.optional(11, event.purpose.as_ref(), |w, purpose| {
        w.array(2);
        w.text(&purpose.id);
        w.uint(purpose.version.into());
    });
    map.optional(12, event.decision.as_ref(), |w, code| w.text(code));
    map.optional(13, event.policy, |w, digest| w.bytes(&digest));
    map.optional(14, event.trace, |w, id| w.bytes(&id));
    map.optional(15, event.span, |w, id| w.bytes(&id));
    commitments(&event.commitments).into_entry_of(&mut map, 16);
    map.optional(17, some(&event.tags), |w, tags| {
        w.array(tags.len());
        for tag in tags {
            w.bytes(tag);
        }
    });
    event
        .window
        .iter()
        .for_each(|period| window(period).into_entry_of(&mut map, 18));
    extra(&event.extra).into_entry_of(&mut map, 19);
    map.optional(20, event.form, |w, form| w.uint(form.code()));
    map.optional(21, event.clause.as_ref(), |w, clause| w.text(clause));
    map.finish()
}

fn some<T>(list: &[T]) -> Option<&[T]> {
    (!list.is_empty()).then_some(list)
}

fn commitments(commitments: &Commitments) -> Map {
    let mut map = Map::default();
    let hash = |w: &mut Writer, hash: [u8; 32]| w.bytes(&hash);
    map.optional(1, commitments.staff, hash);
    map.optional(2, commitments.subjects, hash);
    map.optional(3, commitments.query, hash);
    map.optional(4, commitments.result, hash);
    map
}

fn window(window: &Window) -> Map {
    let mut map = Map::default();
    map.entry(1, |w| w.uint(window.from.unsigned_abs()));
    map.optional(2, window.until, |w, until| w.uint(until.unsigned_abs()));
    map.optional(3, window.count, Writer::uint);
    map
}

fn extra(extra: &BTreeMap<u64, Value>) -> Map {
    let mut map = Map::default();
    for (key, value) in extra {
        map.entry(*key, |w| match value {
            Value::Number(number) => w.uint(*number),
            Value::Text(text) => w.text(text),
            Value::Bytes(bytes) => w.bytes(bytes),
        });
    }
    map
}

/// Reads the table, in its one spelling.
pub(super) fn decode(bytes: &[u8]) -> Result<Leaf, LeafError> {
    let mut reader = Reader::new(bytes);
    let mut found = Found::default();
    reader.map(|key, reader| found.read(key, reader))?;
    reader.end()?;
    found.leaf()
}

/// The fields that every leaf has, as far as they were read.
#[derive(Default)]
struct Found {
    versioned: bool,
    kind: Option<Kind>,
    time: Option<Micros>,
    replica: Option<[u8; 16]>,
    sequence: Option<u64>,
    entry_id: Option<[u8; 16]>,
    rest: Rest,
}

/// An event of which only the optional fields count.
struct Rest(Event);

impl Default for Rest {
    fn default() -> Self {
        Self(Event::new(Kind::Incident, [0; 16]))
    }
}

impl Found {
    /// Reads the value of a key. The version comes first: another one has another table.
    fn read(&mut self, key: u64, r: &mut Reader<'_>) -> Result<(), LeafError> {
        if key > 0 && !self.versioned {
            return Err(LeafError::Missing("version"));
        }
        let event = &mut self.rest.0;
        match key {
            0 => match r.uint()? {
                VERSION => self.versioned = true,
                version => return Err(LeafError::Version(version)),
            },
            1 => self.kind = Some(Kind::from_code(r.uint()?).ok_or(LeafError::Field("kind"))?),
            2 => self.time = Some(time(r)?),
            3 => self.replica = Some(r.fixed()?),
            4 => self.sequence = Some(r.uint()?),
            5 => self.entry_id = Some(r.fixed()?),
            6 => event.opening = Some(r.fixed()?),
            7 => event.requested_at = Some(time(r)?),
            8 => event.recipient = Some(text(r)?),
            9 => event.acting_for = r.list(text)?,
            10 => event.dataset = Some(text(r)?),
            11 => event.purpose = Some(purpose(r)?),
            12 => event.decision = Some(text(r)?),
            13 => event.policy = Some(r.fixed()?),
            14 => event.trace = Some(r.fixed()?),
            15 => event.span = Some(r.fixed()?),
            16 => r.map(|key, r| commitment(&mut event.commitments, key, r))?,
            17 => event.tags = r.list(Reader::fixed)?,
            18 => event.window = Some(read_window(r)?),
            19 => r.map(|key, r| {
                event.extra.insert(key, value(r)?);
                Ok(())
            })?,
            20 => event.form = Some(Form::from_code(r.uint()?).ok_or(LeafError::Field("form"))?),
            21 => event.clause = Some(text(r)?),
            key => return Err(LeafError::UnknownKey(key)),
        }
        Ok(())
    }

    fn leaf(self) -> Result<Leaf, LeafError> {
        Ok(Leaf {
            time: self.time.ok_or(LeafError::Missing("time"))?,
            replica: self.replica.ok_or(LeafError::Missing("replica"))?,
            sequence: self.sequence.ok_or(LeafError::Missing("sequence"))?,
            event: Event {
                kind: self.kind.ok_or(LeafError::Missing("kind"))?,
                entry_id: self.entry_id.ok_or(LeafError::Missing("entryId"))?,
                ..self.rest.0
            },
        })
    }
}

pub(super) fn time(r: &mut Reader<'_>) -> Result<Micros, LeafError> {
    Micros::try_from(r.uint()?).map_err(|_| LeafError::Field("time"))
}

fn text(r: &mut Reader<'_>) -> Result<String, LeafError> {
    r.text().map(str::to_owned)
}

fn purpose(r: &mut Reader<'_>) -> Result<PurposeVersion, LeafError> {
    if r.array()? != 2 {
        return Err(LeafError::Field("purpose"));
    }
    let id = text(r)?;
    let version = u32::try_from(r.uint()?).map_err(|_| LeafError::Field("purpose"))?;
    Ok(PurposeVersion { id, version })
}

fn commitment(found: &mut Commitments, key: u64, r: &mut Reader<'_>) -> Result<(), LeafError> {
    let place = match key {
        1 => &mut found.staff,
        2 => &mut found.subjects,
        3 => &mut found.query,
        4 => &mut found.result,
        _ => return Err(LeafError::Field("commitments")),
    };
    *place = Some(r.fixed()?);
    Ok(())
}

fn read_window(r: &mut Reader<'_>) -> Result<Window, LeafError> {
    let (mut from, mut until, mut count) = (None, None, None);
    r.map(|key, r| {
        match key {
            1 => from = Some(time(r)?),
            2 => until = Some(time(r)?),
            3 => count = Some(r.uint()?),
            _ => return Err(LeafError::Field("window")),
        }
        Ok(())
    })?;
    Ok(Window {
        from: from.ok_or(LeafError::Field("window"))?,
        until,
        count,
    })
}

fn value(r: &mut Reader<'_>) -> Result<Value, LeafError> {
    Ok(match r.major()? {
        Major::Text => Value::Text(text(r)?),
        Major::Bytes => Value::Bytes(r.bytes()?.to_vec()),
        _ => Value::Number(r.uint()?),
    })
}
