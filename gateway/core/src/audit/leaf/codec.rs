//! The leaf's key table, both ways. Absent fields are left out; keys ascend.

use std::collections::BTreeMap;

use minicbor::Decoder;
use minicbor::data::Type;

use super::cbor::{Map, Writer};
use super::{Commitments, Event, Form, Kind, Leaf, LeafError, Micros, PurposeVersion, Value, Window};

/// The version of this table.
const VERSION: u64 = 1;

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

/// Reads the table. What it accepts beyond the one spelling, the caller finds by encoding again.
pub(super) fn decode(bytes: &[u8]) -> Result<Leaf, LeafError> {
    let mut reader = Reader(Decoder::new(bytes));
    let version = reader.version()?;
    if version != VERSION {
        return Err(LeafError::Version(version));
    }
    let mut found = Found::default();
    for _ in 0..reader.map()? {
        found.read(&mut reader)?;
    }
    if reader.0.position() != bytes.len() {
        return Err(LeafError::NotCanonical);
    }
    found.leaf()
}

/// The fields that every leaf has, as far as they were read.
#[derive(Default)]
struct Found {
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
    /// Reads one key and its value.
    fn read(&mut self, r: &mut Reader<'_>) -> Result<(), LeafError> {
        let event = &mut self.rest.0;
        match r.uint()? {
            0 => drop(r.uint()?),
            1 => self.kind = Some(Kind::from_code(r.uint()?).ok_or(LeafError::Field("kind"))?),
            2 => self.time = Some(r.time()?),
            3 => self.replica = Some(r.fixed()?),
            4 => self.sequence = Some(r.uint()?),
            5 => self.entry_id = Some(r.fixed()?),
            6 => event.opening = Some(r.fixed()?),
            7 => event.requested_at = Some(r.time()?),
            8 => event.recipient = Some(r.text()?),
            9 => event.acting_for = r.list(Reader::text)?,
            10 => event.dataset = Some(r.text()?),
            11 => event.purpose = Some(r.purpose()?),
            12 => event.decision = Some(r.text()?),
            13 => event.policy = Some(r.fixed()?),
            14 => event.trace = Some(r.fixed()?),
            15 => event.span = Some(r.fixed()?),
            16 => event.commitments = r.commitments()?,
            17 => event.tags = r.list(Reader::fixed)?,
            18 => event.window = Some(r.window()?),
            19 => event.extra = r.extra()?,
            20 => event.form = Some(Form::from_code(r.uint()?).ok_or(LeafError::Field("form"))?),
            21 => event.clause = Some(r.text()?),
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

/// A CBOR reader whose every error is the place.
struct Reader<'b>(Decoder<'b>);

impl<'b> Reader<'b> {
    fn at<T>(
        &mut self,
        read: impl FnOnce(&mut Decoder<'b>) -> Result<T, minicbor::decode::Error>,
    ) -> Result<T, LeafError> {
        let position = self.0.position();
        read(&mut self.0).map_err(|_| LeafError::Malformed(position))
    }

    /// Looks ahead: the version is the first entry of the map.
    fn version(&mut self) -> Result<u64, LeafError> {
        self.map()?;
        let first = self.uint()?;
        let version = self.uint()?;
        self.0.set_position(0);
        if first == 0 {
            Ok(version)
        } else {
            Err(LeafError::Missing("version"))
        }
    }

    fn uint(&mut self) -> Result<u64, LeafError> {
        self.at(Decoder::u64)
    }

    fn time(&mut self) -> Result<Micros, LeafError> {
        Micros::try_from(self.uint()?).map_err(|_| LeafError::Field("time"))
    }

    fn text(&mut self) -> Result<String, LeafError> {
        self.at(Decoder::str).map(str::to_owned)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], LeafError> {
        let position = self.0.position();
        self.at(Decoder::bytes)?
            .try_into()
            .map_err(|_| LeafError::Malformed(position))
    }

    /// The length of a map; an indefinite one is refused.
    fn map(&mut self) -> Result<u64, LeafError> {
        self.at(Decoder::map)?.ok_or(LeafError::NotCanonical)
    }

    fn array(&mut self) -> Result<u64, LeafError> {
        self.at(Decoder::array)?.ok_or(LeafError::NotCanonical)
    }

    fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, LeafError>,
    ) -> Result<Vec<T>, LeafError> {
        (0..self.array()?).map(|_| item(self)).collect()
    }

    fn purpose(&mut self) -> Result<PurposeVersion, LeafError> {
        if self.array()? != 2 {
            return Err(LeafError::Field("purpose"));
        }
        let id = self.text()?;
        let version = u32::try_from(self.uint()?).map_err(|_| LeafError::Field("purpose"))?;
        Ok(PurposeVersion { id, version })
    }

    fn commitments(&mut self) -> Result<Commitments, LeafError> {
        let mut found = Commitments::default();
        for _ in 0..self.map()? {
            match self.uint()? {
                1 => found.staff = Some(self.fixed()?),
                2 => found.subjects = Some(self.fixed()?),
                3 => found.query = Some(self.fixed()?),
                4 => found.result = Some(self.fixed()?),
                _ => return Err(LeafError::Field("commitments")),
            }
        }
        Ok(found)
    }

    fn window(&mut self) -> Result<Window, LeafError> {
        let (mut from, mut until, mut count) = (None, None, None);
        for _ in 0..self.map()? {
            match self.uint()? {
                1 => from = Some(self.time()?),
                2 => until = Some(self.time()?),
                3 => count = Some(self.uint()?),
                _ => return Err(LeafError::Field("window")),
            }
        }
        Ok(Window {
            from: from.ok_or(LeafError::Field("window"))?,
            until,
            count,
        })
    }

    fn extra(&mut self) -> Result<BTreeMap<u64, Value>, LeafError> {
        let mut found = BTreeMap::new();
        for _ in 0..self.map()? {
            let key = self.uint()?;
            let value = match self
                .0
                .datatype()
                .map_err(|_| LeafError::Malformed(self.0.position()))?
            {
                Type::String => Value::Text(self.text()?),
                Type::Bytes => Value::Bytes(self.at(Decoder::bytes)?.to_vec()),
                _ => Value::Number(self.uint()?),
            };
            found.insert(key, value);
        }
        Ok(found)
    }
}
