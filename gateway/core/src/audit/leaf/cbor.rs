//! Writing CBOR in its one deterministic spelling (RFC 8949 section 4.2.1): shortest heads, definite lengths. Maps
//! are sorted by whoever writes them. And reading that spelling alone.

use super::LeafError;

/// CBOR bytes under construction.
#[derive(Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(super) fn uint(&mut self, value: u64) {
        self.head(0, value);
    }

    pub(super) fn bytes(&mut self, value: &[u8]) {
        self.head(2, value.len() as u64);
        self.bytes.extend_from_slice(value);
    }

    pub(super) fn text(&mut self, value: &str) {
        self.head(3, value.len() as u64);
        self.bytes.extend_from_slice(value.as_bytes());
    }

    pub(super) fn array(&mut self, length: usize) {
        self.head(4, length as u64);
    }

    fn head(&mut self, major: u8, value: u64) {
        let major = major << 5;
        let [.., b3, b2, b1, b0] = value.to_be_bytes();
        match value {
            0..=23 => self.bytes.push(major | b0),
            24..=0xff => self.bytes.extend([major | 0x18, b0]),
            0x100..=0xffff => self.bytes.extend([major | 0x19, b1, b0]),
            0x1_0000..=0xffff_ffff => self.bytes.extend([major | 0x1a, b3, b2, b1, b0]),
            _ => {
                self.bytes.push(major | 0x1b);
                self.bytes.extend(value.to_be_bytes());
            }
        }
    }
}

/// A map with unsigned keys. Entries must be added in ascending order of their keys.
#[derive(Default)]
pub(super) struct Map {
    length: u64,
    body: Writer,
}

impl Map {
    /// Adds one entry; `value` writes exactly one item.
    pub(super) fn entry(&mut self, key: u64, value: impl FnOnce(&mut Writer)) {
        self.length += 1;
        self.body.uint(key);
        value(&mut self.body);
    }

    /// Adds an entry if there is a value.
    pub(super) fn optional<V>(&mut self, key: u64, value: Option<V>, write: impl FnOnce(&mut Writer, V)) {
        if let Some(value) = value {
            self.entry(key, |writer| write(writer, value));
        }
    }

    /// Adds this map as an entry of another, unless it is empty.
    pub(super) fn into_entry_of(self, outer: &mut Self, key: u64) {
        if self.length > 0 {
            outer.entry(key, |writer| writer.bytes.extend(self.finish()));
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        let mut whole = Writer::default();
        whole.head(5, self.length);
        whole.bytes.extend(self.body.bytes);
        whole.bytes
    }
}

/// Reads that one spelling and no other, so that whoever it reads for need not write it again to compare.
pub(super) struct Reader<'b> {
    bytes: &'b [u8],
    position: usize,
}

/// The major type of what follows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Major {
    Uint,
    Bytes,
    Text,
    Array,
    Map,
}

impl<'b> Reader<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Nothing may follow the last item.
    pub(super) fn end(&self) -> Result<(), LeafError> {
        if self.position == self.bytes.len() {
            Ok(())
        } else {
            Err(LeafError::NotCanonical)
        }
    }

    fn malformed(&self) -> LeafError {
        LeafError::Malformed(self.position)
    }

    fn take(&mut self, length: usize) -> Result<&'b [u8], LeafError> {
        let (taken, _) = self
            .bytes
            .get(self.position..)
            .and_then(|rest| rest.split_at_checked(length))
            .ok_or_else(|| self.malformed())?;
        self.position += length;
        Ok(taken)
    }

    /// What kind of item comes next.
    pub(super) fn major(&self) -> Result<Major, LeafError> {
        match self.bytes.get(self.position).map(|head| head >> 5) {
            Some(0) => Ok(Major::Uint),
            Some(2) => Ok(Major::Bytes),
            Some(3) => Ok(Major::Text),
            Some(4) => Ok(Major::Array),
            Some(5) => Ok(Major::Map),
            _ => Err(self.malformed()),
        }
    }

    /// The number in a head, in its shortest spelling; an indefinite length has another.
    fn head(&mut self, major: Major) -> Result<u64, LeafError> {
        if self.major()? != major {
            return Err(self.malformed());
        }
        let low = self.take(1)?.first().map_or(0, |head| head & 0x1f);
        let (length, least) = match low {
            0..=23 => return Ok(low.into()),
            24 => (1, 24),
            25 => (2, 0x100),
            26 => (4, 0x1_0000),
            27 => (8, 0x1_0000_0000),
            31 => return Err(LeafError::NotCanonical),
            _ => return Err(self.malformed()),
        };
        let value = self
            .take(length)?
            .iter()
            .fold(0, |value, byte| (value << 8) | u64::from(*byte));
        if value < least {
            return Err(LeafError::NotCanonical);
        }
        Ok(value)
    }

    fn slice(&mut self, major: Major) -> Result<&'b [u8], LeafError> {
        let length = self.head(major)?;
        let length = usize::try_from(length).map_err(|_| self.malformed())?;
        self.take(length)
    }

    pub(super) fn uint(&mut self) -> Result<u64, LeafError> {
        self.head(Major::Uint)
    }

    pub(super) fn bytes(&mut self) -> Result<&'b [u8], LeafError> {
        self.slice(Major::Bytes)
    }

    pub(super) fn text(&mut self) -> Result<&'b str, LeafError> {
        let position = self.position;
        std::str::from_utf8(self.slice(Major::Text)?).map_err(|_| LeafError::Malformed(position))
    }

    /// Bytes of a known length.
    pub(super) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], LeafError> {
        let position = self.position;
        let bytes = self.bytes()?.try_into();
        bytes.map_err(|_| LeafError::Malformed(position))
    }

    pub(super) fn array(&mut self) -> Result<u64, LeafError> {
        self.head(Major::Array)
    }

    /// A list that is left out where it is empty.
    pub(super) fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, LeafError>,
    ) -> Result<Vec<T>, LeafError> {
        match self.array()? {
            0 => Err(LeafError::NotCanonical),
            length => (0..length).map(|_| item(self)).collect(),
        }
    }

    /// A list of byte strings of `length` bytes (at most 23), as it is written: each behind a head of one byte.
    pub(super) fn list_of_fixed(&mut self, length: u8) -> Result<&'b [u8], LeafError> {
        let count = usize::try_from(self.array()?).map_err(|_| self.malformed())?;
        let position = self.position;
        let step = usize::from(length) + 1;
        let whole = count.checked_mul(step).ok_or_else(|| self.malformed())?;
        let list = self.take(whole)?;
        let head = 0x40 | length;
        if list.chunks_exact(step).all(|item| item.first() == Some(&head)) {
            Ok(list)
        } else {
            Err(LeafError::Malformed(position))
        }
    }

    /// A map with ascending keys that is left out where it is empty. `value` reads exactly one item.
    pub(super) fn map(
        &mut self,
        mut value: impl FnMut(u64, &mut Self) -> Result<(), LeafError>,
    ) -> Result<(), LeafError> {
        let (length, mut last) = (self.head(Major::Map)?, None);
        if length == 0 {
            return Err(LeafError::NotCanonical);
        }
        for _ in 0..length {
            let key = self.uint()?;
            if last >= Some(key) {
                return Err(LeafError::NotCanonical);
            }
            last = Some(key);
            value(key, self)?;
        }
        Ok(())
    }

    /// Passes over one item, however deep it is at most in a leaf.
    pub(super) fn skip(&mut self) -> Result<(), LeafError> {
        match self.major()? {
            Major::Uint => self.uint().map(drop),
            major @ (Major::Bytes | Major::Text) => self.slice(major).map(drop),
            Major::Array => (0..self.array()?).try_for_each(|_| self.skip_plain()),
            Major::Map => self.map(|_, reader| reader.skip_plain()),
        }
    }

    /// Passes over an item that has none within.
    fn skip_plain(&mut self) -> Result<(), LeafError> {
        match self.major()? {
            Major::Uint => self.uint().map(drop),
            major @ (Major::Bytes | Major::Text) => self.slice(major).map(drop),
            Major::Array | Major::Map => Err(self.malformed()),
        }
    }
}
